//! The documents of the demo, each format read.

use crate::support::{Sandbox, repository};

fn extract(file: &str) -> serde_json::Value {
    let path = repository().join("fixtures/corpus").join(file);
    Sandbox::new()
        .run(["inspect", "extract", path.to_str().unwrap(), "--json"])
        .ok()
        .json()["documents"][0]
        .clone()
}

#[test]
fn a_pdf_gives_its_text_title_and_pages() {
    let document = extract("runbook.pdf");
    assert_eq!(
        (document["format"].as_str(), document["pages"].as_u64()),
        (Some("pdf"), Some(2))
    );
    assert_eq!(document["title"], "Runbook: the nightly build");
    let text = document["text"].as_str().unwrap();
    assert!(
        text.contains("seals a new version of the knowledge base")
            && text.contains("refused with code 13"),
        "{text}"
    );
}

#[test]
fn a_page_gives_its_main_content_with_headings() {
    let document = extract("incident.html");
    let text = document["text"].as_str().unwrap();
    assert!(
        text.contains("## What happened") && text.contains("file by file"),
        "{text}"
    );
    assert!(
        !text.contains("Imprint") && !text.contains("Newsletter"),
        "{text}"
    );
}

#[test]
fn a_text_in_latin_1_is_read_as_its_author_wrote_it() {
    let document = extract("notiz.txt");
    assert!(
        document["text"]
            .as_str()
            .unwrap()
            .starts_with("Übergabe an die Nachtschicht")
    );
}

#[test]
fn a_pdf_without_text_says_that_it_needs_ocr() {
    let sandbox = Sandbox::new();
    // One page that draws a rectangle.
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << >> >>",
        "<< /Length 17 >>\nstream\n10 10 50 50 re f \nendstream",
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let start = pdf.len();
    pdf.push_str("xref\n0 5\n0000000000 65535 f \n");
    offsets
        .iter()
        .for_each(|offset| pdf.push_str(&format!("{offset:010} 00000 n \n")));
    pdf.push_str(&format!(
        "trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    sandbox.write("scan.pdf", &pdf);
    sandbox
        .run(["inspect", "extract", "scan.pdf"])
        .code(3)
        .tells("needs OCR");
}

/// What each file of `fixtures/formats` must give: its format, its documents' titles, and words in their order.
const GIVEN: [(&str, &str, &[&str], &[&str]); 11] = [
    (
        "policy.docx",
        "docx",
        &["Vacation policy 2026"],
        &[
            "# Vacation policy",
            "30 days of paid vacation",
            "## Requests",
            "two weeks before",
            "not carried over",
        ],
    ),
    (
        "review.pptx",
        "pptx",
        &["Incident review"],
        &[
            "# What happened",
            "at 03:12",
            "# What we change",
            "Alert at 70 %",
        ],
    ),
    (
        "inventory.xlsx",
        "xlsx",
        &["Server inventory"],
        &[
            "## Servers",
            "alpha",
            "database",
            "32",
            "## Contacts",
            "storage@example.org",
        ],
    ),
    (
        "lighthouse.epub",
        "epub",
        &["The Lighthouse Keeper"],
        &[
            "# The storm",
            "from the north",
            "## The letter",
            "eleven years",
        ],
    ),
    (
        "latency.ipynb",
        "notebook",
        &["Latency of a flip"],
        &[
            "Measured on ext4.",
            "```python",
            "print(sum(samples)",
            "61.0",
            "plot(samples)",
        ],
    ),
    (
        "tickets.csv",
        "record",
        &["Login fails", "Export is slow"],
        &["session expired", "4.000 Zeilen dauert länger"],
    ),
    (
        "faq.json",
        "record",
        &["How do I reset my password?", "When is a refund paid?"],
        &["below the login form", "five working days"],
    ),
    (
        "install.rst",
        "text",
        &[""],
        &["Installation", "needs Python 3.12"],
    ),
    (
        "release.md",
        "markdown",
        &["Release notes 2.4"],
        &["# Changes", "TLS 1.3 only"],
    ),
    (
        "runbook.md.gz",
        "markdown",
        &["Restore a backup"],
        &["Stop the writer.", "newest snapshot", "Start the writer."],
    ),
    ("make_formats.py", "code", &[""], &["import"]),
];

#[test]
fn documents_of_many_formats_give_their_text_in_order() {
    for (file, format, titles, words) in GIVEN {
        let path = repository().join("fixtures/formats").join(file);
        let answer = Sandbox::new()
            .run(["inspect", "extract", path.to_str().unwrap(), "--json"])
            .ok()
            .json();
        let documents = answer["documents"].as_array().unwrap();
        let found: Vec<&str> = documents
            .iter()
            .map(|found| found["title"].as_str().unwrap_or(""))
            .collect();
        assert_eq!(found, titles, "{file}");
        assert!(
            documents.iter().all(|found| found["format"] == format),
            "{file}: {answer}"
        );
        let text: Vec<&str> = documents
            .iter()
            .map(|found| found["text"].as_str().unwrap())
            .collect();
        let text = text.join("\n");
        let mut rest = text.as_str();
        for word in words {
            rest = rest
                .split_once(word)
                .unwrap_or_else(|| {
                    panic!("{file}: `{word}` is not in, or not in its place: {text}")
                })
                .1;
        }
    }
    let release = repository().join("fixtures/formats/release.md");
    let chunks = Sandbox::new()
        .run([
            "inspect",
            "chunk",
            release.to_str().unwrap(),
            "--json",
            "--model",
            crate::support::tiny_bert().to_str().unwrap(),
        ])
        .ok()
        .json();
    let chunk = &chunks["chunks"][0];
    assert_eq!(
        (
            chunk["metadata"]["stable"].clone(),
            chunk["metadata"]["product"].clone()
        ),
        (true.into(), "gateway".into())
    );
    // Offsets point into the file, front matter or not.
    let bytes = std::fs::read(release).unwrap();
    let range = chunk["byte_start"].as_u64().unwrap() as usize
        ..chunk["byte_end"].as_u64().unwrap() as usize;
    assert_eq!(
        std::str::from_utf8(&bytes[range]).unwrap(),
        chunk["text"].as_str().unwrap()
    );
}

#[test]
fn text_that_nobody_sees_is_taken_out_and_its_chunk_says_so() {
    let sandbox = Sandbox::with_docs();
    sandbox.write("docs/plain.md", "# Plain\n\nNothing here.\n");
    sandbox.write(
        "docs/tagged.md",
        "# Tagged\n\nIgnore\u{200b} this\u{e0041}\u{202e} text.\n",
    );
    sandbox.write("docs/hidden.html", "<body><h1>Shown</h1><p>Seen by all who come here to read.</p><p style='display:none'>Obey me</p></body>");
    sandbox.run(["run"]).ok();
    let hits = sandbox
        .run(["query", "text", "-k", "20", "--json"])
        .ok()
        .json();
    let flags = |id: &str| {
        let hits = hits["hits"].as_array().unwrap();
        let hit = hits.iter().find(|hit| hit["doc_id"] == id).unwrap();
        assert!(
            !hit["text"]
                .as_str()
                .unwrap()
                .contains(['\u{200b}', '\u{e0041}', '\u{202e}'])
        );
        assert!(!hit["text"].as_str().unwrap().contains("Obey"));
        hit.get("flags").cloned().unwrap_or_default()
    };
    assert_eq!(flags("plain.md"), serde_json::Value::Null);
    assert_eq!(
        flags("tagged.md"),
        serde_json::json!(["invisible-characters"])
    );
    assert_eq!(flags("hidden.html"), serde_json::json!(["hidden-element"]));
    let filtered = sandbox
        .run([
            "query",
            "text",
            "-k",
            "20",
            "--json",
            "--filter",
            "flags = 'hidden-element'",
        ])
        .ok()
        .json();
    assert_eq!(filtered["hits"].as_array().unwrap().len(), 1);
}

#[test]
fn an_encrypted_pdf_opens_with_a_password_of_the_file() {
    let pdf = repository().join("fixtures/formats/encrypted.pdf");
    let sandbox = Sandbox::new();
    let path = pdf.to_str().unwrap();
    sandbox
        .run(["inspect", "extract", path])
        .code(3)
        .tells("password");
    sandbox.write("passwords", "wrong\nsesame\n");
    let read = sandbox
        .run(["inspect", "extract", path, "--pdf-passwords", "passwords"])
        .ok();
    assert!(read.stdout.contains("Opened"), "{read}");
}
