//! Probes: fixed strings that a version carries with their vectors. A consumer that embeds them and differs has the wrong
//! model, pooling, padding or truncation.

use serde::{Deserialize, Serialize};

use super::{Embedder, Error};

/// The probes' file in a version.
pub const PROBES: &str = "probes.json";
/// Cosine similarity below which two vectors are not the same embedding.
pub const SAME: f64 = 0.9999;

/// One string and its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The string, embedded as it stands.
    pub text: String,
    /// Its vector.
    pub vector: Vec<f32>,
}

/// Embeds the probe strings: one token; 255, 256, 257 and 600 tokens of MiniLM's, special tokens included, around its
/// window; and what tokenizers get wrong.
pub fn make(embedder: &Embedder) -> Result<Vec<Probe>, Error> {
    let repeated = [253, 254, 255, 598].map(|count| vec!["word"; count].join(" "));
    let texts = [
        "a",
        "The store keeps every version as it was sealed.",
        "Über façade naïve Žluťoučký",
        "人工智能正在改变世界。東京は日本の首都です。",
        "Ship it 🚀🎉 now ✅",
        "fn main() { println!(\"{}\", std::env::args().count()); }",
    ];
    let texts: Vec<&str> = texts
        .into_iter()
        .chain(repeated.iter().map(String::as_str))
        .collect();
    let vectors = embedder.embed(&texts)?;
    Ok(texts
        .into_iter()
        .zip(vectors)
        .map(|(text, vector)| Probe {
            text: text.to_owned(),
            vector,
        })
        .collect())
}

/// Returns the cosine of the angle between two vectors; 0 for vectors of different or no length.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if a.len() != b.len() || lengths == 0.0 {
        0.0
    } else {
        dot(a, b) / lengths
    }
}
