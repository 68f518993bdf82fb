//! Measuring embedding from the command line.

use crate::support::Sandbox;

fn with_texts() -> Sandbox {
    let sandbox = Sandbox::with_docs();
    sandbox.write(
        "texts.json",
        r#"["the store", "a reader sees the index", "the store"]"#,
    );
    sandbox
}

#[test]
fn embedding_is_measured_and_compared_on_all_kernels() {
    let sandbox = with_texts();
    for kernels in ["candle", "avx2"] {
        let vectors = format!("{kernels}.f32");
        let command = [
            "bench",
            "embed",
            "--texts",
            "texts.json",
            "--compare",
            "f32",
        ];
        let options = ["--kernels", kernels, "--vectors", &vectors, "-j1", "--json"];
        let run = sandbox.run(command.into_iter().chain(options));
        if run.code == 16 && run.stderr.contains("lacks the instructions") {
            continue;
        }
        let answer = run.ok().json();
        assert_eq!(
            (&answer["texts"], &answer["threads"]),
            (&3.into(), &1.into())
        );
        for key in [
            "tokens_per_second",
            "chunks_per_second",
            "first_vector_seconds",
            "query_milliseconds",
            "peak_rss_bytes",
        ] {
            assert!(answer[key].as_f64().unwrap() > 0.0, "{key}: {answer}");
        }
        assert!(
            answer["min_cosine"].as_f64().unwrap() >= 0.999_999,
            "{answer}"
        );
        let share = answer["share_of_peak"].as_f64();
        assert_eq!(share.is_some(), kernels == "avx2", "{answer}");
        assert!(
            share.is_none_or(|share| share > 0.0 && share < 1.0),
            "{answer}"
        );
        let bytes = std::fs::read(sandbox.path(&vectors)).unwrap();
        let row = bytes.len() / 3;
        assert!(
            row > 0 && bytes[..row] == bytes[2 * row..],
            "equal texts differ"
        );
    }
}

#[test]
fn texts_and_kernels_that_cannot_be_used_are_told() {
    let sandbox = with_texts();
    sandbox.write("empty.txt", "\n \n");
    sandbox.write("broken.json", "[1]");
    let embed = |texts: &str, kernels: &str| {
        sandbox.run(["bench", "embed", "--texts", texts, "--kernels", kernels])
    };
    embed("missing.txt", "candle").code(1).tells("missing.txt");
    embed("empty.txt", "candle")
        .code(2)
        .tells("it holds no text");
    embed("broken.json", "candle")
        .code(2)
        .tells("expected a string");
    embed("texts.json", "sse").code(16).tells("kernels sse");
    sandbox
        .run(["bench", "embed", "--texts", "texts.json", "-j0"])
        .code(2)
        .tells("--threads");
}

#[test]
fn threads_come_from_flag_over_variable_over_file() {
    let sandbox = with_texts();
    let config = std::fs::read_to_string(sandbox.path("ragctl.toml")).unwrap();
    sandbox.write("ragctl.toml", &format!("threads = 2\n{config}"));
    let threads = |variable: Option<&str>, flag: &[&str]| {
        let embed = ["bench", "embed", "--texts", "texts.json", "--json"];
        let mut command = sandbox.command(embed.iter().chain(flag));
        command.envs(variable.map(|threads| ("RAGCTL_THREADS", threads)));
        let output = crate::support::Output::of(command.output().unwrap());
        output.ok().json()["threads"].as_u64().unwrap()
    };
    assert_eq!(threads(None, &[]), 2);
    assert_eq!(threads(Some("3"), &[]), 3);
    assert_eq!(threads(Some("3"), &["-j4"]), 4);
}
