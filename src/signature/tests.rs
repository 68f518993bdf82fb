use jiff::Timestamp;

use super::*;
use crate::store::Channel;

fn statement(about: About) -> Statement {
    Statement {
        store: "handbook".into(),
        about,
        at: Timestamp::now(),
        expires: None,
    }
}

fn version() -> About {
    About::Version("v1.4.0".parse().unwrap())
}

fn pair() -> (SigningKey, Trust) {
    let (secret, public) = SigningKey::generate(None).unwrap();
    let mut trust = Trust::default();
    trust.add("test", &public).unwrap();
    (SigningKey::parse("test", &secret, None).unwrap(), trust)
}

#[test]
fn a_signature_holds_for_its_bytes_its_purpose_and_its_time() {
    let (key, trust) = pair();
    let said = statement(version());
    let signature = key.sign(b"manifest", &said).unwrap();
    let checked = trust.check(b"manifest", Some(&signature), &version());
    assert_eq!(checked.unwrap().store, "handbook");
    let fails = |bytes: &[u8], signature: Option<&str>, about: &About| {
        trust.check(bytes, signature, about).unwrap_err()
    };
    assert!(matches!(
        fails(b"manifesT", Some(&signature), &version()),
        Error::Invalid { .. }
    ));
    assert!(matches!(
        fails(b"manifest", None, &version()),
        Error::Missing(_)
    ));
    let release = About::Release {
        channel: Channel::default(),
        generation: 7,
        version: "v1.4.0".parse().unwrap(),
    };
    assert!(matches!(
        fails(b"manifest", Some(&signature), &release),
        Error::AboutAnother { .. }
    ));
    let past = Statement {
        expires: Some(Timestamp::UNIX_EPOCH),
        ..statement(release.clone())
    };
    let expired = key.sign(b"manifest", &past).unwrap();
    assert!(matches!(
        fails(b"manifest", Some(&expired), &release),
        Error::Expired { .. }
    ));
    let (other, _) = pair();
    let foreign = other.sign(b"manifest", &said).unwrap();
    assert!(matches!(
        fails(b"manifest", Some(&foreign), &version()),
        Error::Invalid { .. }
    ));
    let mut elsewhere = trust.clone();
    elsewhere.only_of("other").unwrap();
    assert!(
        elsewhere
            .check(b"manifest", Some(&signature), &version())
            .is_err()
    );
}

#[test]
fn no_damaged_signature_is_taken_or_panics() {
    let (key, trust) = pair();
    let signature = key.sign(b"manifest", &statement(version())).unwrap();
    // The untrusted comment is nobody's word.
    let begin = signature.find('\n').unwrap() + 1;
    for at in begin..signature.len() {
        let mut bytes = signature.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(damaged) = String::from_utf8(bytes) else {
            continue;
        };
        let taken = trust.check(b"manifest", Some(&damaged), &version());
        let same = damaged.split_whitespace().eq(signature.split_whitespace());
        assert!(taken.is_err() || same, "{at}: {damaged}");
        let cut = signature.get(..at).unwrap();
        let whole = cut.trim_end() == signature.trim_end();
        assert!(whole || trust.check(b"manifest", Some(cut), &version()).is_err());
    }
}

#[test]
fn a_protected_key_needs_its_password() {
    let (secret, _) = SigningKey::generate(Some("sesame")).unwrap();
    let parse = |password| SigningKey::parse("key", &secret, password);
    assert!(matches!(parse(None).unwrap_err(), Error::NoPassword(_)));
    assert!(matches!(
        parse(Some("simsim")).unwrap_err(),
        Error::BadKey { .. }
    ));
    assert!(parse(Some("sesame")).is_ok());
}
