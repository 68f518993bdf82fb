//! Who says that a version is theirs: minisign signatures over the manifest, which lists the hash of every file.
//!
//! One message is signed for two purposes, told apart by the trusted comment, which the signature covers too: that a version
//! is a store's (`version`), and that a channel was pointed at it (`channel` and `generation` as well). A signature of the
//! first kind never proves the second, so that an old version cannot be released again by whoever writes to the remote.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use jiff::Timestamp;
use minisign::{KeyPair, PublicKey, PublicKeyBox, SecretKey, SecretKeyBox, SignatureBox};

use crate::digest::Digest;
use crate::fault::{Fault, Kind};
use crate::store::{self, Channel, Held, Store, VersionName};

/// What a trusted comment begins with.
const MARK: &str = "ragctl";
/// Letters of the longest name that a store signs under.
const LONGEST_NAME: usize = 64;
/// Characters of a global signature: 64 bytes in base64.
const GLOBAL_SIGNATURE: usize = 88;

/// A signature that is missing, wrong, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A key cannot be read.
    #[error("{what} is no minisign {kind} key: {problem}")]
    BadKey {
        /// Where it came from.
        what: String,
        /// `public` or `secret`.
        kind: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A secret key needs its password.
    #[error("{0} is protected by a password, and none was given")]
    NoPassword(String),
    /// A store cannot sign under such a name.
    #[error(
        "`{0}` is no name to sign under: letters, digits, `.`, `_`, `-` and `/`, at most 64 of them"
    )]
    BadName(String),
    /// Nothing is signed.
    #[error("{0} is not signed")]
    Missing(String),
    /// The signature is not of a trusted key, or of other bytes.
    #[error("the signature of {what} is not valid: {problem}")]
    Invalid {
        /// What was signed.
        what: String,
        /// Why it is not valid.
        problem: String,
    },
    /// It was good once.
    #[error("the signature of {what} expired at {at:.0}")]
    Expired {
        /// What was signed.
        what: String,
        /// When.
        at: Timestamp,
    },
    /// It is about something else.
    #[error("the signature of {what} is about another one: it says {said}")]
    AboutAnother {
        /// What it should be about.
        what: String,
        /// What it says.
        said: String,
    },
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Store(e) => e.kind(),
            Self::BadKey { .. } | Self::NoPassword(_) | Self::BadName(_) => Kind::Usage,
            Self::Missing(_)
            | Self::Invalid { .. }
            | Self::Expired { .. }
            | Self::AboutAnother { .. } => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Store(e) => return e.hint(),
                Self::BadKey { kind: "secret", .. } => {
                    "Make a pair with `ragctl sign --new-key FILE`, or with minisign."
                }
                Self::BadKey { .. } => {
                    "Give a .pub file of minisign's, or the key itself in base64."
                }
                Self::NoPassword(_) => "Put it into RAGCTL_SIGNING_PASSWORD.",
                Self::BadName(_) => "Set [signing] name, such as `handbook`.",
                Self::Missing(_) => {
                    "Sign it where it was built with `ragctl sign`, and releases with `--sign`."
                }
                Self::Invalid { .. } | Self::AboutAnother { .. } => {
                    "Nothing was changed. Do not use it before you know who wrote it."
                }
                Self::Expired { .. } => "Sign it again with `ragctl sign`, or release it again.",
            }
            .into(),
        )
    }
}

/// What a signature is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A version is the store's.
    Version(VersionName),
    /// A channel was pointed at a version.
    Release {
        /// The channel.
        channel: Channel,
        /// Its count of releases, this one included.
        generation: u64,
        /// The version.
        version: VersionName,
    },
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version={version}"),
            Self::Release {
                channel,
                generation,
                version,
            } => write!(
                f,
                "channel={channel} generation={generation} version={version}"
            ),
        }
    }
}

/// What a signature says beside whose it is: the trusted comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The name that the store signs under.
    pub store: String,
    /// What it is about.
    pub about: About,
    /// When it was made.
    pub at: Timestamp,
    /// Until when it counts, if it does not count for ever.
    pub expires: Option<Timestamp>,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{MARK} store={} {} at={:.0}",
            self.store, self.about, self.at
        )?;
        match &self.expires {
            Some(expires) => write!(f, " expires={expires:.0}"),
            None => Ok(()),
        }
    }
}

impl Statement {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next() != Some(MARK) {
            return None;
        }
        let mut said = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=')?;
            if said.insert(key, value).is_some() {
                return None;
            }
        }
        fn parsed<T: FromStr>(value: Option<&str>) -> Option<T> {
            value?.parse().ok()
        }
        let version = parsed(said.remove("version"))?;
        let about = match (said.remove("channel"), said.remove("generation")) {
            (None, None) => About::Version(version),
            (channel, generation) => About::Release {
                channel: parsed(channel)?,
                generation: parsed(generation)?,
                version,
            },
        };
        let expires = match said.remove("expires") {
            None => None,
            some => Some(parsed(some)?),
        };
        let store = said.remove("store")?.to_owned();
        let at = parsed(said.remove("at"))?;
        // What is not known may be a condition.
        said.is_empty().then_some(Self {
            store,
            about,
            at,
            expires,
        })
    }
}

/// Reads under which name something was signed, by its own word: nothing is checked.
pub fn claimed_name(signature: &str) -> Option<String> {
    let signature = SignatureBox::from_string(signature).ok()?;
    let statement = Statement::parse(&signature.trusted_comment().ok()?)?;
    Some(statement.store)
}

/// Checks a name that a store signs under.
pub fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(Error::BadName(name.to_owned())),
    }
}

/// A secret key, ready to sign.
pub struct SigningKey(SecretKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Reads a secret key in minisign's format. `what` says where it came from; the key itself is never told.
    pub fn parse(what: &str, text: &str, password: Option<&str>) -> Result<Self, Error> {
        let bad = |e: minisign::PError| Error::BadKey {
            what: what.to_owned(),
            kind: "secret",
            problem: e.to_string(),
        };
        let boxed = || SecretKeyBox::from_string(text.trim_end()).map_err(bad);
        // One that is not protected is told by its own header; the library asks a terminal for passwords otherwise.
        match (boxed()?.into_unencrypted_secret_key(), password) {
            (Ok(key), _) => Ok(Self(key)),
            (Err(_), Some(password)) => boxed()?
                .into_secret_key(Some(password.to_owned()))
                .map(Self)
                .map_err(bad),
            // The library has no kind of its own for it.
            (Err(e), None) if e.to_string().contains("encrypted") => {
                Err(Error::NoPassword(what.to_owned()))
            }
            (Err(e), None) => Err(bad(e)),
        }
    }

    /// Makes a pair: the secret key's file, protected where a password is given, and the public key's.
    pub fn generate(password: Option<&str>) -> Result<(String, String), Error> {
        let made = || {
            let KeyPair { pk, sk } = match password {
                Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned()))?,
                None => KeyPair::generate_unencrypted_keypair()?,
            };
            let secret = sk.to_box(Some("ragctl secret key"))?.into_string();
            Ok((secret, pk.to_box()?.into_string()))
        };
        made().map_err(|e: minisign::PError| Error::BadKey {
            what: "a new key".into(),
            kind: "secret",
            problem: e.to_string(),
        })
    }

    /// What trusts this key alone.
    pub fn trust(&self) -> Result<Trust, Error> {
        let key = PublicKey::from_secret_key(&self.0).map_err(|e| Error::BadKey {
            what: "the secret key".into(),
            kind: "secret",
            problem: e.to_string(),
        })?;
        Ok(Trust {
            keys: vec![key],
            store: None,
        })
    }

    /// Signs a manifest's bytes with a statement, in minisign's format.
    pub fn sign(&self, manifest: &[u8], statement: &Statement) -> Result<String, Error> {
        check_name(&statement.store)?;
        let comment = statement.to_string();
        minisign::sign(
            None,
            &self.0,
            Cursor::new(manifest),
            Some(&comment),
            Some("signature by ragctl"),
        )
        .map(SignatureBox::into_string)
        .map_err(|e| Error::Invalid {
            what: statement.about.to_string(),
            problem: e.to_string(),
        })
    }
}

/// Keys that are trusted, and what name they must have signed for.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    store: Option<String>,
}

impl Trust {
    /// Trusts a public key: the text of a `.pub` file, or the key in base64. `what` says where it came from.
    pub fn add(&mut self, what: &str, text: &str) -> Result<(), Error> {
        let text = text.trim();
        let parsed = match text.lines().count() {
            1 => PublicKey::from_base64(text),
            _ => PublicKeyBox::from_string(text).and_then(PublicKeyBox::into_public_key),
        };
        let key = parsed.map_err(|e| Error::BadKey {
            what: what.to_owned(),
            kind: "public",
            problem: e.to_string(),
        })?;
        self.keys.push(key);
        Ok(())
    }

    /// Trusts them only for what the store of this name signed.
    pub fn only_of(&mut self, store: &str) -> Result<(), Error> {
        check_name(store)?;
        self.store = Some(store.to_owned());
        Ok(())
    }

    /// Whether nothing has to be signed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks that a trusted key signed these bytes, for this purpose, and that it still counts.
    pub fn check(
        &self,
        manifest: &[u8],
        signature: Option<&str>,
        about: &About,
    ) -> Result<Statement, Error> {
        let what = about.to_string();
        let invalid = |problem: String| Error::Invalid {
            what: what.clone(),
            problem,
        };
        let text = signature.ok_or_else(|| Error::Missing(what.clone()))?;
        // The library takes the length of the last part for granted.
        if text.lines().nth(3).map(|line| line.trim().len()) != Some(GLOBAL_SIGNATURE) {
            return Err(invalid("it is cut off".into()));
        }
        let signature = SignatureBox::from_string(text).map_err(|e| invalid(e.to_string()))?;
        let verified = |key: &PublicKey| {
            minisign::verify(key, &signature, Cursor::new(manifest), true, false, false)
        };
        let mut problem = "no key is trusted".to_owned();
        let is_trusted = self.keys.iter().any(|key| match verified(key) {
            Ok(()) => true,
            Err(e) => {
                problem = e.to_string();
                false
            }
        });
        if !is_trusted {
            return Err(invalid(problem));
        }
        let comment = signature
            .trusted_comment()
            .map_err(|e| invalid(e.to_string()))?;
        let statement = Statement::parse(&comment)
            .ok_or_else(|| invalid("its trusted comment is not ragctl's".into()))?;
        let is_of = |name: &String| *name == statement.store;
        if statement.about != *about || !self.store.as_ref().is_none_or(is_of) {
            let said = format!("store={} {}", statement.store, statement.about);
            return Err(Error::AboutAnother { what, said });
        }
        match statement.expires {
            Some(at) if at <= Timestamp::now() => Err(Error::Expired { what, at }),
            _ => Ok(statement),
        }
    }

    /// The same for a version that goes live again: it counted when it was released, and time alone takes nothing from it then.
    pub fn check_earlier(&self, store: &Store, held: &Held) -> Result<(), Error> {
        match self.check_version(store, held) {
            Err(Error::Expired { .. }) => Ok(()),
            other => other,
        }
    }

    /// Checks that a held version is signed. Where no key is given, nothing has to be.
    pub fn check_version(&self, store: &Store, held: &Held) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let manifest = store.manifest_bytes(&held.name)?;
        let found = Digest::of(&manifest);
        if found != held.manifest_sha256 {
            let (name, checked) = (held.name.clone(), held.manifest_sha256);
            return Err(store::Error::ChangedAfterCheck {
                name,
                checked,
                found,
            }
            .into());
        }
        let signature = store.signature(&held.name)?;
        let about = About::Version(held.name.clone());
        self.check(&manifest, signature.as_deref(), &about)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
