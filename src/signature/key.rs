//! Secret keys: read, made, and signed with.

use std::fmt;
use std::io::Cursor;

use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox, SignatureBox};

use super::{Error, Statement, Trust, check_name};

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
        Ok(Trust::only(key))
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
