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
