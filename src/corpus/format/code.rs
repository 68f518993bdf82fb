//! Source code → text as it is, its language told by the file's name.

use super::{Extracted, Value, compressed};

pub(super) fn extract(text: String, name: &str) -> Extracted {
    let mut extracted = Extracted::plain(text);
    if let Some(language) = language(name) {
        extracted
            .metadata
            .insert(LANGUAGE.into(), Value::Text(language.into()));
    }
    extracted
}

/// The metadata field that holds a source file's language.
const LANGUAGE: &str = "language";

fn language(name: &str) -> Option<&'static str> {
    let name = compressed::inner_name(name);
    let extension = || {
        name.rsplit_once('.')
            .map(|(_, extension)| extension.to_ascii_lowercase())
    };
    language_of_name(name).or_else(|| match extension()?.as_str() {
        "json" => Some("json"),
        extension => language_of_extension(extension),
    })
}

/// Tells a language by a whole file name, of which an ending may say something else.
pub(super) fn language_of_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "Dockerfile" | "Containerfile" => "dockerfile",
        "Makefile" | "GNUmakefile" | "makefile" => "makefile",
        "CMakeLists.txt" => "cmake",
        "Justfile" | "justfile" => "just",
        "Jenkinsfile" => "groovy",
        "Gemfile" | "Rakefile" | "Vagrantfile" | "Brewfile" => "ruby",
        "BUILD" | "WORKSPACE" => "starlark",
        name if name.starts_with("Dockerfile.") => "dockerfile",
        _ => return None,
    })
}

/// Tells a language by a file's ending in lower case.
pub(super) fn language_of_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "rs" => "rust",
        "py" | "pyi" | "pyw" => "python",
        "js" | "mjs" | "cjs" | "jsx" => "javascript",
        "ts" | "mts" | "cts" | "tsx" => "typescript",
        "vue" => "vue",
        "svelte" => "svelte",
        "java" => "java",
        "kt" | "kts" => "kotlin",
        "scala" | "sc" => "scala",
        "groovy" | "gradle" => "groovy",
        "clj" | "cljs" | "cljc" | "edn" => "clojure",
        "c" | "h" => "c",
        "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" => "cpp",
        "cu" | "cuh" => "cuda",
        "m" | "mm" => "objective-c",
        "cs" => "csharp",
        "fs" | "fsi" | "fsx" => "fsharp",
        "vb" => "visual-basic",
        "go" => "go",
        "swift" => "swift",
        "zig" => "zig",
        "nim" => "nim",
        "dart" => "dart",
        "rb" | "rake" | "gemspec" => "ruby",
        "php" => "php",
        "pl" | "pm" => "perl",
        "lua" => "lua",
        "r" => "r",
        "jl" => "julia",
        "hs" => "haskell",
        "ml" | "mli" => "ocaml",
        "ex" | "exs" => "elixir",
        "erl" | "hrl" => "erlang",
        "lisp" | "el" => "lisp",
        "scm" | "rkt" => "scheme",
        "sh" | "bash" | "zsh" => "shell",
        "fish" => "fish",
        "ps1" | "psm1" => "powershell",
        "bat" | "cmd" => "batch",
        "sql" => "sql",
        "css" => "css",
        "scss" | "sass" => "scss",
        "less" => "less",
        "yaml" | "yml" => "yaml",
        "toml" => "toml",
        "ini" | "cfg" | "conf" | "properties" => "ini",
        "xml" | "xsd" | "xsl" | "xslt" => "xml",
        "proto" => "protobuf",
        "graphql" | "gql" => "graphql",
        "thrift" => "thrift",
        "tf" | "tfvars" | "hcl" => "hcl",
        "nix" => "nix",
        "bzl" | "star" => "starlark",
        "cmake" => "cmake",
        "mk" => "makefile",
        "dockerfile" => "dockerfile",
        "asm" | "s" => "assembly",
        "f" | "f90" | "f95" | "for" => "fortran",
        "cob" | "cbl" => "cobol",
        "pas" => "pascal",
        "sol" => "solidity",
        "v" | "sv" | "svh" => "verilog",
        "vhd" | "vhdl" => "vhdl",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, task};
    use super::*;

    #[test]
    fn the_language_is_known_where_the_source_does_not_say_otherwise() {
        for (name, language) in [
            ("src/main.rs", "rust"),
            ("a.PY.gz", "python"),
            ("CMakeLists.txt", "cmake"),
            ("deploy/Dockerfile", "dockerfile"),
        ] {
            let document = only(&task(name), b"x = 1").unwrap();
            assert_eq!(
                document.metadata[LANGUAGE],
                Value::Text(language.into()),
                "{name}"
            );
        }
    }
}
