//! Whose signatures count, and for what.

use std::io::Cursor;

use jiff::Timestamp;
use minisign::{PublicKey, PublicKeyBox, SignatureBox};

use super::{About, Error, Statement, check_name};
use crate::digest::Digest;
use crate::store::{self, Held, Store};

/// Characters of a global signature: 64 bytes in base64.
const GLOBAL_SIGNATURE: usize = 88;

/// Keys that are trusted, and what name they must have signed for.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    store: Option<String>,
}

impl Trust {
    /// Trusts one key, under any name.
    pub(super) fn only(key: PublicKey) -> Self {
        Self {
            keys: vec![key],
            store: None,
        }
    }

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
