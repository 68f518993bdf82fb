//! Texts that a tokenizer may trip over, the same for the same seed.

/// Draws texts without end.
pub(crate) struct Strings {
    random: fastrand::Rng,
    /// Tokens of the vocabulary, without what marks one as a continuation.
    tokens: Vec<String>,
}

/// Contents of added tokens, whole, cut and in odd cases, and what looks like one.
const ADDED: [&str; 18] = [
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[PAD]",
    "[UNK]",
    "[cls]",
    "[Mask]",
    "[unk]",
    "[CLS",
    "CLS]",
    "[ CLS ]",
    "[C\u{0}LS]",
    "[ＣＬＳ]",
    "[CL\u{301}S]",
    "stop",
    "Stop",
    "STOP",
    "C++",
];
/// Characters that normalizers and pre-tokenizers treat in ways of their own.
const ODD: [&str; 9] = [
    "\u{0}\u{1}\u{8}\u{b}\u{c}\u{1c}\u{1f}\u{7f}\u{85}\u{ad}",
    "\u{a0}\u{1680}\u{2028}\u{202f}\u{3000}",
    "\u{200b}\u{200d}\u{2060}\u{feff}\u{fffd}\u{e000}",
    "\u{300}\u{301}\u{308}\u{327}\u{338}\u{5bf}\u{64b}\u{9bc}\u{e33}\u{3099}\u{1d165}",
    "İßſKÅéΣǅﬁ",
    "“—…→•",
    "漢한가ㄱか",
    "\u{2f800}\u{20000}\u{fa0e}",
    "👩\u{1f3fd}🇨",
];
const SPACES: [&str; 8] = [" ", "  ", "\n", "\r\n", "\t", "\n\n    ", " \u{a0} ", "\r"];

impl Strings {
    /// Texts for the tokenizer of a `tokenizer.json`.
    pub(crate) fn new(tokenizer: &[u8], seed: u64) -> Self {
        let parsed: serde_json::Value = serde_json::from_slice(tokenizer).unwrap_or_default();
        let vocabulary = parsed
            .pointer("/model/vocab")
            .and_then(|vocabulary| vocabulary.as_object());
        let tokens = vocabulary.into_iter().flat_map(|tokens| tokens.keys());
        Self {
            random: fastrand::Rng::with_seed(seed),
            tokens: tokens
                .map(|token| token.trim_start_matches('#').to_owned())
                .collect(),
        }
    }

    fn part(&mut self, text: &mut String) {
        let random = &mut self.random;
        match random.u8(0..16) {
            0..=4 => {
                let token = random.choice(&self.tokens).map_or("", String::as_str);
                match random.u8(0..4) {
                    0 => text.push_str(&token.to_uppercase()),
                    _ => text.push_str(token),
                }
            }
            5 => text.extend((0..random.usize(1..12)).map(|_| random.lowercase())),
            6 => text.extend((0..random.usize(1..6)).map(|_| random.alphanumeric())),
            7 => text.extend((0..random.usize(1..4)).map(|_| char::from(random.u8(b'!'..=b'/')))),
            8 => text.extend((0..random.usize(1..6)).map(|_| char::from(random.u8(0..128)))),
            9 => {
                let letter = *random
                    .choice(&['a', 'Z', '7', 'é', '漢', '\u{301}'])
                    .unwrap_or(&'a');
                text.extend(std::iter::repeat_n(letter, random.usize(95..106)));
            }
            10 => text.push_str(random.choice(&ADDED).unwrap_or(&"")),
            11 | 12 => {
                let odd: Vec<char> = random.choice(&ODD).unwrap_or(&"").chars().collect();
                text.extend(random.choice(odd));
            }
            13 => text.extend((0..random.usize(1..4)).map(|_| random.char(..))),
            14 => text.extend((0..random.usize(1..4)).map(|_| random.char('\u{80}'..'\u{3400}'))),
            _ => text.extend((0..random.usize(1..4)).map(|_| random.char('\u{20}'..'\u{7f}'))),
        }
    }
}

impl Iterator for Strings {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        // Most are short, so that what differs stands alone; some go over every window.
        let parts = match self.random.u8(0..32) {
            0 => self.random.usize(0..600),
            1..=8 => self.random.usize(0..80),
            _ => self.random.usize(0..12),
        };
        let spaces = self.random.u8(0..4);
        for _ in 0..parts {
            self.part(&mut text);
            if self.random.u8(0..4) < spaces {
                text.push_str(self.random.choice(&SPACES).unwrap_or(&" "));
            }
        }
        Some(text)
    }
}
