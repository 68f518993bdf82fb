use std::path::Path;

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Generator;

use super::*;
use crate::corpus::{Format, Mark, Markup, Metadata, Offsets};
use crate::digest::Digest;
use crate::model::Model;

fn tokenizer() -> Tokenizer {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/tiny-bert");
    Model::open(&dir, "tiny-bert", None)
        .unwrap()
        .tokenizer()
        .unwrap()
}

/// A tokenizer of which nobody knows whether counts add up.
fn other_tokenizer() -> Tokenizer {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/model/tiny-bert");
    let dir = tempfile::tempdir().unwrap();
    Model::open(&fixture, "tiny-bert", None)
        .unwrap()
        .write(dir.path())
        .unwrap();
    let file = dir.path().join("tokenizer.json");
    let json = std::fs::read_to_string(&file).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
    // Words are separated by points only, and white space is part of them.
    json["pre_tokenizer"] = serde_json::json!({
        "type": "Split", "pattern": {"String": "."}, "behavior": "Isolated", "invert": false
    });
    std::fs::write(&file, json.to_string()).unwrap();
    Model::open(dir.path(), "other", None)
        .unwrap()
        .tokenizer()
        .unwrap()
}

fn document(text: &str, markup: Markup) -> Document {
    Document {
        source: "docs".into(),
        id: "a".into(),
        uri: "a".into(),
        title: None,
        format: Format::Text,
        text: text.into(),
        markup,
        pages: Vec::new(),
        marks: Vec::new(),
        offsets: Offsets::default(),
        metadata: Metadata::new(),
        bytes: 0,
        sha256: Digest::of(text),
    }
}

/// The chunks of a Markdown text. In these texts each letter that stands alone is a token.
fn cut(text: &str, policy: Policy) -> Vec<Chunk> {
    let tokenizer = tokenizer();
    let chunker = Chunker::new(&tokenizer, policy).unwrap();
    chunker.chunk(&document(text, Markup::Markdown))
}

fn texts(text: &str, policy: Policy) -> Vec<String> {
    cut(text, policy)
        .into_iter()
        .map(|chunk| chunk.text)
        .collect()
}

fn of(max_tokens: usize, overlap: usize) -> Policy {
    Policy {
        max_tokens: Some(max_tokens),
        overlap: Some(overlap),
        ..Policy::default()
    }
}

#[test]
fn paragraphs_are_left_whole_and_sentences_are_repeated() {
    // Each paragraph has 9 tokens, each sentence 3.
    let text = "A b. C d. E f.\n\nG h. I j. K l.\n\nM n. O p. Q r.\n";
    let without = ["A b. C d. E f.\n\nG h. I j. K l.", "M n. O p. Q r."];
    assert_eq!(texts(text, of(20, 0)), without);
    assert_eq!(texts(text, of(20, 4))[1], "K l.\n\nM n. O p. Q r.");
    // A paragraph that fits no chunk is cut between sentences, whether lines end there or not.
    let long = "A b. C\nd. E f. G h. I j.";
    let cuts = ["A b. C\nd.", "C\nd. E f.", "E f. G h.", "G h. I j."];
    assert_eq!(texts(long, of(7, 3)), cuts);
    // A sentence that fits no chunk is cut between words, and nothing is repeated there.
    assert_eq!(texts("a b c d e f g", of(3, 1)), ["a b c", "d e f", "g"]);
    // The number of an item is no sentence.
    let items = "1. A b c d e f.\n2. A b c d e f.\n";
    assert_eq!(
        texts(items, of(10, 0)),
        ["1. A b c d e f.", "2. A b c d e f."]
    );
}

#[test]
fn what_belongs_together_is_cut_last() {
    // A lead-in goes with its list, and the list with it.
    let list = "a b c d e.\n\nf g:\n\n- h\n- i\n- j\n";
    assert_eq!(
        texts(list, of(12, 0)),
        ["a b c d e.", "f g:\n\n- h\n- i\n- j"]
    );
    // A list that fits no chunk is cut between items.
    let items = texts("f g:\n\n- h i\n- j k\n- l m\n- n o\n", of(9, 0));
    assert_eq!(items, ["f g:\n\n- h i\n- j k", "- l m\n- n o"]);
    // A block of code is left whole where it fits, and cut between lines where not, never behind its fence.
    let code = "a b c d e f g.\n\n```sh\nh i\nj k\n```\n\nl.\n";
    assert_eq!(texts(code, of(16, 8))[1], "```sh\nh i\nj k\n```\n\nl.");
    let long = texts("a.\n\n```sh\nh i j k\n\nl m\nn o\np q\n```\n", of(17, 8));
    assert_eq!(long, ["a.\n\n```sh\nh i j k", "l m\nn o\np q\n```"]);
    // A table is cut between rows, never behind its head.
    let table = "a.\n\n| b |\n|---|\n| c |\n| d |\n| e |\n";
    let cuts: Vec<(String, Cut)> = cut(table, of(15, 8))
        .into_iter()
        .map(|chunk| (chunk.text, chunk.cut))
        .collect();
    let expected = [
        ("a.\n\n| b |\n|---|\n| c |".into(), Cut::Row),
        ("| d |\n| e |".into(), Cut::Section),
    ];
    assert_eq!(cuts, expected);
    // Lines of code stay lines where the whole document is code.
    let tokenizer = tokenizer();
    let chunker = Chunker::new(&tokenizer, of(10, 4)).unwrap();
    let mut source = document("fn a {\n  b\n}\n\nfn c {\n  d\n}\n", Markup::Plain);
    source.format = Format::Code;
    let chunks = chunker.chunk(&source);
    assert_eq!(chunks[1].text, "fn c {\n  d\n}");
}

#[test]
fn pieces_too_short_to_stand_alone_are_joined() {
    let policy = Policy {
        min_tokens: Some(6),
        ..of(24, 0)
    };
    // An introduction goes with the first subsection, a short section with its neighbour, a heading with what follows.
    let text = "# t\n\na\n\n## u\n\nb c d e f g h i\n\n## v\n\nj\n\n## w\n";
    let chunks = cut(text, policy);
    let joined: Vec<(&str, Vec<&str>, usize)> = chunks
        .iter()
        .map(|chunk| {
            let heading = chunk.heading.iter().map(String::as_str).collect();
            (chunk.text.as_str(), heading, chunk.joined)
        })
        .collect();
    let expected = [
        ("# t\n\na\n\n## u\n\nb c d e f g h i", vec!["t", "u"], 1),
        ("## v\n\nj\n\n## w", vec!["t"], 1),
    ];
    assert_eq!(joined, expected);
    // Short siblings make one chunk only until they are long enough together.
    let siblings = "## a\n\nb.\n\n## c\n\nd.\n\n## e\n\nf.\n\n## g\n\nh.\n";
    assert_eq!(texts(siblings, policy).len(), 2);
    // What does not fit stays alone.
    let full = "# t\n\n## u\n\na b c d e f g h i j k l m n o p q.\n\n## v\n\nj\n";
    assert_eq!(texts(full, policy).len(), 2);
    // A paragraph at the end takes items of the list before it.
    let list = "- a b c d\n- e f g h\n- i j k l\n- m n o p\n- q\n";
    let tight = Policy {
        min_tokens: Some(6),
        ..of(20, 0)
    };
    assert_eq!(texts(list, tight)[1], "- m n o p\n- q");
}

#[test]
fn headings_above_a_text_are_embedded_before_it_within_the_window() {
    let policy = Policy {
        heading_prefix: true,
        ..Policy::default()
    };
    let body = "A b c d e f g h i j. ".repeat(12);
    let chunks = cut(&format!("# o\n\n## p `q`\n\n### r\n\n{body}"), policy);
    let prefixes: Vec<Option<&str>> = chunks.iter().map(|chunk| chunk.prefix.as_deref()).collect();
    assert!(
        chunks.len() > 2 && chunks[0].text.starts_with("# o\n"),
        "{chunks:?}"
    );
    // The first chunk has its headings in its text.
    assert_eq!(prefixes[..2], [None, Some("o > p q > r\n")]);
    assert!(chunks.iter().all(|chunk| chunk.tokens <= 62));
    let document = document("", Markup::Markdown);
    let record = ChunkRecord::new(&document, chunks[1].clone());
    assert!(record.embedded().starts_with("o > p q > r\nA b"));
    // Of a path longer than a quarter of the window the innermost headings stay.
    let outer = "x ".repeat(14);
    let chunks = cut(
        &format!("# {outer}\n\nintro of some words.\n\n## p\n\n{body}"),
        policy,
    );
    assert_eq!(chunks[2].prefix.as_deref(), Some("p\n"));
    let without = cut(&format!("# o\n\n{body}"), Policy::default());
    assert!(without.iter().all(|chunk| chunk.prefix.is_none()));
}

#[test]
fn a_record_tells_place_page_and_flags() {
    let tokenizer = tokenizer();
    let chunker = Chunker::new(&tokenizer, of(4, 0)).unwrap();
    let mut document = document("a b c.\n\nd e f.\n\n...\n\ng h i.\n", Markup::Plain);
    document.pages = vec![0, 8];
    document.marks = [
        (22, Flag::HiddenElement),
        (7, Flag::InvisibleCharacters),
        (20, Flag::HiddenElement),
    ]
    .map(|(at, flag)| Mark { at, flag })
    .into();
    let records: Vec<ChunkRecord> = chunker
        .chunk(&document)
        .into_iter()
        .map(|chunk| ChunkRecord::new(&document, chunk))
        .collect();
    let told: Vec<(&str, Option<u32>, Option<String>)> = records
        .iter()
        .map(|record| (record.text.as_str(), record.page, record.flags_text()))
        .collect();
    let invisible = Some("invisible-characters".to_owned());
    let hidden = Some("hidden-element".to_owned());
    let expected = [
        ("a b c.", Some(1), invisible),
        ("d e f.", Some(2), None),
        ("g h i.", Some(2), hidden),
    ];
    assert_eq!(told, expected);
    assert_eq!((records[1].byte_start, records[1].byte_end), (8, 14));
    let json = serde_json::to_value(&records[1]).unwrap();
    assert!(json.get("flags").is_none() && json.get("prefix").is_none());
}

#[test]
fn a_document_of_one_word_is_cut_into_chunks_of_bounded_size() {
    let tokenizer = tokenizer();
    let chunker = Chunker::new(&tokenizer, Policy::default()).unwrap();
    for unit in ["a", "é", "漢", "a,", "\u{301}b", "> "] {
        let text = format!("x{}", unit.repeat(200_000 / unit.len()));
        for markup in [Markup::Plain, Markup::Markdown] {
            let chunks = chunker.chunk(&document(&text, markup));
            let covered: usize = chunks.iter().map(|chunk| chunk.text.len()).sum();
            assert!(unit == "> " || covered == text.len(), "{unit:?}");
            assert!(
                chunks
                    .iter()
                    .all(|chunk| chunk.text.len() <= 62 * 32 && chunk.tokens <= 62)
            );
        }
    }
}

/// Texts of what breaks tokenizers and splitters.
fn odd_text() -> impl Generator<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "the",
        "store",
        "Of",
        "word. ",
        "Is it? ",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        ".",
        "。",
        "！",
        ",",
        "漢字",
        "ひらがな",
        "한국어",
        "e\u{301}",
        "\u{301}",
        "\u{200d}",
        "\u{200b}",
        "\u{ad}",
        "\u{b}",
        "\u{c}",
        "\u{85}",
        "\u{0}",
        "\u{1c}",
        "\u{a0}",
        "\u{2028}",
        "\u{3000}",
        "👨‍👩‍👧",
        "İ",
        "ﬁ",
        "≠",
        "[CLS]",
        "[UNK]",
        "[",
        "]",
        "##a",
        "# h\n",
        "\n## s\n\n",
        "- i\n",
        "\n```\n",
        "> ",
        "| a | b |\n|---|---|\n| c | d |\n",
        "x:\n\n",
        "*",
        "`",
        "<b>",
        "</div>\n",
        "1. ",
        "http://a.b/c?d=E",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ]);
    let any = any::<char>().prop_map(String::from);
    let piece = prop_oneof![9 => pieces.prop_map(str::to_owned), 1 => any];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn chunks_of_odd_texts_cover_them_and_are_counted_exactly(
        text in odd_text(), cap in 1usize..62, overlap in 0usize..30, least in 0usize..20, prefix: bool, plain: bool, code: bool,
    ) {
        thread_local!(static TOKENIZERS: [Tokenizer; 2] = [tokenizer(), other_tokenizer()]);
        TOKENIZERS.with(|tokenizers| {
            for tokenizer in tokenizers {
                let policy = Policy {
                    strategy: Strategy::Structure,
                    max_tokens: Some(cap),
                    min_tokens: Some(least.min(cap / 2)),
                    overlap: Some(overlap.min(cap - 1)),
                    heading_prefix: prefix,
                };
                let mut document = document(&text, if plain { Markup::Plain } else { Markup::Markdown });
                document.format = if code { Format::Code } else { Format::Text };
                let chunks = Chunker::new(tokenizer, policy).unwrap().chunk(&document);
                let mut covered = 0;
                for (ordinal, chunk) in chunks.iter().enumerate() {
                    prop_assert_eq!(chunk.ordinal as usize, ordinal);
                    prop_assert_eq!(&text[chunk.start..chunk.end], &chunk.text);
                    let record = ChunkRecord::new(&document, chunk.clone());
                    prop_assert_eq!(chunk.tokens, tokenizer.count(&record.embedded()));
                    let prefix = tokenizer.count(chunk.prefix.as_deref().unwrap_or_default());
                    let most = (cap + prefix).min(tokenizer.content_window());
                    let is_char = chunk.text.chars().nth(1).is_none();
                    prop_assert!(is_char || chunk.tokens <= most, "{most}: {:?}", chunk);
                    let between = text.get(covered..chunk.start).unwrap_or_default();
                    prop_assert!(!between.contains(char::is_alphanumeric), "lost {:?}", between);
                    prop_assert!(chunk.end > covered, "{:?}", chunks);
                    covered = chunk.end;
                }
                prop_assert!(!text[covered..].contains(char::is_alphanumeric));
            }
            Ok(())
        })?;
    }
}
