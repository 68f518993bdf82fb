//! Compiles `search.proto`: messages, the service, and the descriptors that reflection answers with.

use std::{env, io, path::PathBuf};

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    println!("cargo::rerun-if-changed=src/serve/grpc/search.proto");
    tonic_prost_build::configure()
        .build_client(true)
        .file_descriptor_set_path(out.join("search.bin"))
        .compile_protos(&["src/serve/grpc/search.proto"], &["src/serve/grpc"])
}
