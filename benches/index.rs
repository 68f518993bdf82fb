//! Builds the indexes of a large table: seconds, memory, and the recall and latency that were chosen.
//!
//! `cargo bench --bench index -- VECTORS DIR [KIND [DIMENSION]]`: VECTORS is raw little-endian f32, row after row, such as
//! `ragctl bench embed --vectors` writes and `benches/index_peers.py tile` makes many of. DIR receives the table, for
//! `benches/index_peers.py check`. KIND is what `ragctl build --index` takes, IVF_RQ where it is left out.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic and talks"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use ragctl::chunk::ChunkRecord;
use ragctl::corpus::{ColumnKind, Metadata, Value};
use ragctl::digest::Digest;
use ragctl::index::{IndexPolicy, IndexWriter};
use ragctl::progress::Silent;

fn peak_mib() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() / 1024
}

fn record(row: u64) -> ChunkRecord {
    let text = format!(
        "row {row} of a table that was made for measuring, topic {}",
        row % 977
    );
    ChunkRecord {
        id: format!("{row:032x}"),
        source: format!("source-{}", row % 7),
        doc_id: format!("document-{}", row / 20),
        uri: format!("/documents/{}", row / 20),
        title: None,
        heading: Vec::new(),
        page: None,
        byte_start: 0,
        byte_end: text.len() as u64,
        ordinal: u32::try_from(row % 20).unwrap(),
        tokens: 16,
        truncated: false,
        text_sha256: Digest::of(&text),
        flags: Vec::new(),
        metadata: Metadata::from([("year".into(), Value::Integer(2000 + (row % 25) as i64))]),
        prefix: None,
        text,
    }
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [vectors, dir, rest @ ..] = args.as_slice() else {
        println!("usage: cargo bench --bench index -- VECTORS DIR [KIND [DIMENSION]]");
        return;
    };
    let kind = rest.first().map_or("IVF_RQ", String::as_str);
    let dimension: usize = rest.get(1).map_or(384, |text| text.parse().unwrap());
    let policy = IndexPolicy {
        vector: kind.parse().unwrap(),
        exact_below: 0,
        min_ann_recall: 0.98,
        text: Some("English".parse().unwrap()),
        filters: None,
    };
    let columns = BTreeMap::from([("year".to_owned(), ColumnKind::Integer)]);
    let dir = Path::new(dir);
    std::fs::create_dir_all(dir).unwrap();
    let mut input = BufReader::new(File::open(vectors).unwrap());
    let mut writer = IndexWriter::create(dir, dimension, &columns).unwrap();
    let begun = Instant::now();
    let mut row = 0;
    let mut bytes = vec![0; dimension * 4];
    while input.read_exact(&mut bytes).is_ok() {
        let number = |four: &[u8]| f32::from_le_bytes(four.try_into().unwrap());
        let vector = bytes.chunks_exact(4).map(number).collect();
        writer.push(record(row), vector).unwrap();
        row += 1;
    }
    let wrote = begun.elapsed().as_secs_f64();
    println!("{row} rows pushed in {wrote:.1} s, peak {} MiB", peak_mib());
    let begun = Instant::now();
    let written = writer.finish(dir, &policy, &Silent).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("finished in {seconds:.1} s, peak {} MiB", peak_mib());
    for index in written.table.indexes {
        let shown = serde_json::to_string_pretty(&index).unwrap();
        println!("{shown}");
    }
}
