//! # ragctl
//!
//! Vector stores that can be released like software: built from documents, given a semantic version, proven, published by
//! one atomic symlink flip, picked up by running readers without a restart, rolled back in one command.
//!
//! ## The flow
//!
//! ```text
//! Source → Document → Chunk → Embedding → IndexWriter → Draft.seal() → Sealed → verify → Verified → publish → Release
//! corpus   corpus     chunk   embed       index         store          store    verify   verify     publish   store
//! ```
//!
//! Each arrow takes its left by value or reference and gives its right; the state of a thing is its type, so the wrong order
//! cannot be written. A reader goes the other way: read the link once, hold the version, open it by its real path, ask.
//!
//! ## The modules, in reading order
//!
//! Imports run one way, from the bottom of this list to the top; `tests/it/layering.rs` enforces it.
//!
//! - [`fault`], [`digest`], [`durable`], [`progress`], [`space`]: what an error is, hashes, fsync and rename, how work
//!   reports itself, what makes vectors comparable
//! - `simd`: kernels chosen by what the processor can do; the only `unsafe`
//! - [`store`]: the directory: versions, manifest, draft and seal, the link, locks, leases, journal, history
//! - [`corpus`]: sources and documents: what is read, one file a format, the worker processes that read it, the web
//! - [`model`]: which files make a space; fetching and checking them; the tokenizer
//! - [`chunk`]: documents into chunks
//! - [`embed`]: chunks into vectors: our own forward pass or candle's, devices, cache, probes
//! - [`index`]: the LanceDB table: writing, indexes and how they are tuned, filters, search
//! - [`golden`]: questions that a version must answer, their scores, and whether a loss is chance
//! - [`snapshot`]: what one ingest gave, and every later step works on
//! - [`ingest`], [`build`], [`verify`], [`publish`], [`promote`], [`query`], [`watch`], [`gc`], [`forget`]: the verbs
//! - [`signature`]: who says that a version is theirs; [`remote`]: versions elsewhere, pushed and pulled; [`bundle`]: one as a file
//! - [`serve`]: versions followed, kept loaded and asked by HTTP and gRPC; [`adopt`]: whether readers have taken a release up
//! - [`diff`]: two versions side by side; [`plot`] and [`report`]: one page about a version
//! - [`conformance`]: a running server's answers against the versions' own
//! - [`doctor`]: looks at a store, its filesystem and the machine, and says what to do
//! - [`mod@bench`]: how fast a machine does what, measured
//! - [`config`]: `ragctl.toml` and its layers
//! - [`ui`], [`cli`]: the only places that print, read the environment and know exit codes
//!
//! ## Where it differs from the agreed design
//!
//! - `space` and `fault` are modules of their own at the bottom: the manifest, the model and the query all speak of the
//!   space, and each error knows its kind where it is made, so that `cli/error.rs` is one table.
//! - `snapshots/newest` is a link beside the snapshots: the same content ingested again keeps its name, so the newest
//!   cannot be told from the directories.
//! - The encoder of processors takes its weights through candle but is no candle custom op: an op hands over tensors, and
//!   packs without padding, one a worker, would have to be wrapped into one and taken out again.
//! - The chunker's token ids are not kept for `embed`: tokenizing a text again takes less than a thousandth of the time that
//!   embedding it takes.
//! - `--shared world` lets everybody read and only the owner write, which is less than git's: a store that a group writes is
//!   asked for with `group`, whose directories stay group-writable even in a sealed version, since nobody but its owner may
//!   change a directory's mode, and another member's gc could not remove it otherwise.
//! - Files are opened below the store by one `openat` a component, each without following links, rather than by `openat2`: it
//!   says the same on every platform and in containers whose filters do not know that call.
//! - Whoever sweeps temporary names cannot tell the living from the dead where no lock is held, so it sweeps them all, and
//!   `durable` writes again when its temporary name is gone.
//! - A version's table has data files of 16,384 rows, so that its bytes are hashed on all cores.
//! - On a network filesystem leases are of the kind `none` unless the store was made with `--leases`: gc cannot see whether
//!   readers mount `leases/` writable.
//! - A table's text is packed by LZ4, not by what Lance would choose, which draws a sample at random: equal rows give equal files, which
//!   no push sends twice. A search through the index that shows texts takes about a tenth longer, one in memory does not.
//! - `withdrawn.jsonl` names documents by a hash, because an id may be what had to be forgotten.
//! - The cache holds embeddings only. The last good copy of a document is in an earlier snapshot, from which `ingest` takes
//!   over what did not change and what cannot be had: one place less that has to forget, and no copy that nobody checks.
//! - A directory is read for prose. Source code, JSON and CSV are read where a pattern or a mapped field asks for them: they are
//!   mostly what a program is made of, not what people ask about.
//! - Chunks are cut by ragctl itself and not by a library: no splitter that was tried overlaps by sentences, keeps tables and
//!   lead-ins together, and tokenizes a document once.
//! - A row has two more columns: what was embedded before its text, and flags of what was taken out of it.
//! - `golden`, `diff`, `report`, `plot` and `conformance` are modules of their own. `report` draws what `verify` and `diff` found, and
//!   is the one verb beside `publish` that names others.
//! - Only what retrieval finds can be waived, and shrinking: a version whose vectors are not its model's answers no question.
//! - A golden expectation is met by a chunk, not a document: what a reader sees is chunks.
//! - Charts are drawn by ragctl itself: one style sheet gives them light, dark and paper, which no chart library that was
//!   looked at leaves to the page.
//! - gRPC is spoken on the port of HTTP: one socket, one guard, one drain.
//! - Metrics are kept by the `prometheus-client` crate in registries of their own and not by `metrics`, whose recorder is one a
//!   process: a program may hold several servers.
//! - A server's log is events of `tracing`; everything else is still told by `ui`.
//! - What searches in memory is a part of [`index::Table`], so that whoever asks a table need not know where its rows are. Words
//!   and both together are always asked of LanceDB, whose fusion is thus one.
//! - A server names nothing that a client chose in its metrics, and fails a request where DESIGN's text would retry it: what it
//!   answers from is in memory, or is there as long as it holds the version.
//! - A remote's bytes lie under their hash, and not under `versions/<v>/<path>`: what versions share is there once, a push that was cut
//!   off knows what is there, and no text of a manifest is ever used as a key. A pointer carries the channel's last releases, so that
//!   a release and its record are one write.
//! - A directory as a remote is written by `durable`, not by the object_store crate: that one neither fsyncs nor replaces on a condition.
//! - A signature lies with the reports: it says something about a version and is no part of it.
//! - The cloud's libraries read their own variables of the environment; everything else of it is read in `cli`.
//! - `build` embeds what the cache still lacks instead of failing: `embed` is then a step one may take alone, not one that
//!   may be forgotten.

#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test may panic"
    )
)]

pub mod adopt;
pub mod bench;
pub mod build;
pub mod bundle;
pub mod chunk;
pub mod cli;
pub mod config;
pub mod conformance;
pub mod corpus;
pub mod diff;
pub mod digest;
pub mod doctor;
pub mod durable;
pub mod embed;
pub mod fault;
pub mod forget;
pub mod gc;
pub mod golden;
pub mod index;
pub mod ingest;
pub mod model;
pub mod plot;
pub mod progress;
pub mod promote;
pub mod publish;
pub mod query;
pub mod remote;
pub mod report;
pub mod serve;
pub mod signature;
#[cfg(target_arch = "x86_64")]
pub mod simd;
pub mod snapshot;
pub mod space;
pub mod store;
pub mod ui;
pub mod verify;
pub mod watch;
