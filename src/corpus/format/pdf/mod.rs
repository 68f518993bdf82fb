//! PDF → text by page. Two readers stand behind one trait: the first reads, the second is asked where the first finds
//! nothing or what cannot be right.

mod heads;
mod lopdf;
mod ranges;
mod structure;
mod unpdf;

use std::collections::HashSet;
use std::iter;

use super::{Extracted, Refusal, has_letters};
use crate::corpus::MAX_TEXT_BYTES;
use crate::corpus::normal::HIDDEN;

/// Pages of one document.
const MAX_PAGES: usize = 5_000;

/// Reads the text of a PDF. An empty password opens what is not encrypted, too.
trait PdfText {
    fn read(&self, bytes: &[u8], password: &str) -> Result<Pages, Trouble>;
}

/// The readers in use.
const FIRST: &dyn PdfText = &unpdf::Unpdf;
const SECOND: &dyn PdfText = &lopdf::Lopdf;

/// What a reader made of a PDF.
#[derive(Debug, Default)]
struct Pages {
    title: Option<String>,
    /// The text of each page.
    texts: Vec<String>,
    /// The pages, by index, on which some of the text is drawn without being shown.
    unseen: HashSet<usize>,
    /// Whether pages show pictures or shapes, in which there may be text.
    pictures: bool,
    /// Percent of the pieces of text whose letters the fonts do not tell.
    unread: usize,
}

/// Why a reader gives nothing.
#[derive(Debug)]
enum Trouble {
    /// It is encrypted, and this is not its password.
    Password,
    /// As a clause.
    Other(String),
}

/// Reads a PDF, with the first password that opens it.
pub(super) fn extract(bytes: &[u8], passwords: &[String]) -> Result<Extracted, Refusal> {
    let given = passwords.iter().map(String::as_str);
    let candidates: Vec<&str> = iter::once("").chain(given).collect();
    let opened = structure::check(bytes, &candidates)?;
    let candidates = opened.map_or(candidates, |password| vec![password]);
    let (password, first) = candidates
        .iter()
        .map(|password| (*password, FIRST.read(bytes, password)))
        .find(|(_, outcome)| !matches!(outcome, Err(Trouble::Password)))
        .unwrap_or(("", Err(Trouble::Password)));
    let (first, problem) = match first {
        Err(Trouble::Password) => return Err(encrypted(passwords.len()).into()),
        Err(Trouble::Other(reason)) => (Pages::default(), Some(reason)),
        Ok(pages) => {
            let problem = pages.problem();
            (pages, problem)
        }
    };
    let Some(problem) = problem else {
        return Ok(joined(first));
    };
    let blank = !first.texts.is_empty() && first.is_empty();
    match SECOND.read(bytes, password) {
        Ok(second) if second.is_better(&first) => Ok(joined(second.titled(first.title))),
        _ if blank => Err(Refusal::Empty(problem)),
        _ => Err(problem.into()),
    }
}

fn encrypted(passwords: usize) -> String {
    match passwords {
        0 => "is encrypted and needs a password".into(),
        1 => "is encrypted, and the password given does not open it".into(),
        _ => format!("is encrypted, and none of the {passwords} passwords given opens it"),
    }
}

impl Pages {
    fn is_empty(&self) -> bool {
        !self.texts.iter().any(|text| has_letters(text))
    }

    fn titled(mut self, title: Option<String>) -> Self {
        self.title = title;
        self
    }

    /// Whether this is text where another reader's was not. Fonts that hide their letters hide them from both.
    fn is_better(&self, other: &Self) -> bool {
        !self.is_empty() && unreadable(&self.texts, other.unread).is_none()
    }

    /// Says why the text cannot be what the pages show.
    fn problem(&self) -> Option<String> {
        let count = self.texts.len();
        match (count, self.is_empty()) {
            (0, _) => Some("has no pages; the file may be cut off".into()),
            (_, false) => unreadable(&self.texts, self.unread),
            (_, true) if self.unread > 0 => Some(NO_LETTERS.into()),
            (_, true) if self.pictures => {
                Some(format!("needs OCR: no text on its {count} page(s)"))
            }
            (_, true) => Some(format!("holds no text on its {count} page(s)")),
        }
    }
}

const NO_LETTERS: &str = "needs OCR: its fonts do not tell which letters they draw";

/// Says why texts are no reading matter, if they are none.
fn unreadable(texts: &[String], unread: usize) -> Option<String> {
    let (mut shown, mut lost, mut letters) = (0, 0, 0);
    for c in texts
        .iter()
        .flat_map(|text| text.chars())
        .filter(|c| !c.is_whitespace())
    {
        shown += 1;
        lost += usize::from(c == char::REPLACEMENT_CHARACTER);
        letters += usize::from(c.is_alphanumeric());
    }
    if lost * 100 > shown {
        let percent = (lost * 100).div_ceil(shown);
        return Some(format!(
            "is suspect: {percent} % of its characters cannot be read; it may need OCR"
        ));
    }
    (unread >= 10 && letters * 10 < shown * 6).then(|| NO_LETTERS.into())
}

/// Joins pages to one text, without what stands at the head or foot of each.
fn joined(mut pages: Pages) -> Extracted {
    heads::take_out(&mut pages.texts);
    let mut text = String::new();
    let mut starts = Vec::new();
    for (index, page) in pages.texts.iter().enumerate() {
        starts.push(text.len());
        let page = page.trim();
        if page.is_empty() {
            continue;
        }
        if pages.unseen.contains(&index) {
            // Which paragraph is not shown cannot be told: each is marked.
            text.push(HIDDEN);
            text.push_str(&page.replace("\n\n", &format!("\n\n{HIDDEN}")));
        } else {
            text.push_str(page);
        }
        text.push_str("\n\n");
    }
    Extracted {
        title: pages.title.filter(|title| has_letters(title)),
        pages: starts,
        ..Extracted::plain(text)
    }
}

fn too_much_text() -> Trouble {
    Trouble::Other(format!(
        "gives more than {} MiB of text",
        MAX_TEXT_BYTES >> 20
    ))
}

fn too_many_pages() -> String {
    format!("has more than {MAX_PAGES} pages")
}

#[cfg(test)]
mod tests {
    use ::lopdf::{
        Document, EncryptionState, EncryptionVersion, Object, Permissions, Stream, dictionary,
    };

    use super::*;

    /// Makes a PDF; each page is a content stream.
    pub(super) fn pdf(pages: &[&str]) -> Document {
        let mut document = Document::with_version("1.5");
        let parent = document.new_object_id();
        let font = document.add_object(
            dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" },
        );
        let kids: Vec<Object> = pages
            .iter()
            .map(|content| {
                let content =
                    document.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
                document
                    .add_object(dictionary! {
                        "Type" => "Page", "Parent" => parent, "Contents" => content,
                        "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
                        "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
                    })
                    .into()
            })
            .collect();
        let count = kids.len() as i64;
        document.objects.insert(
            parent,
            Object::Dictionary(dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }),
        );
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => parent });
        document.trailer.set("Root", catalog);
        document.trailer.set(
            "ID",
            Object::Array(vec![
                Object::string_literal("1"),
                Object::string_literal("1"),
            ]),
        );
        document
    }

    pub(super) fn saved(mut document: Document) -> Vec<u8> {
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    fn line(text: &str) -> String {
        format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET")
    }

    fn reason(bytes: &[u8], passwords: &[String]) -> (String, bool) {
        match extract(bytes, passwords).unwrap_err() {
            Refusal::Empty(reason) => (reason, true),
            Refusal::Unreadable(reason) => (reason, false),
        }
    }

    #[test]
    fn pages_are_read_and_keep_their_places() {
        let found = extract(
            &saved(pdf(&[&line("First page"), "", &line("Third page")])),
            &[],
        )
        .unwrap();
        assert_eq!(found.text, "First page\n\nThird page\n\n");
        assert_eq!(found.pages, [0, 12, 12]);
    }

    #[test]
    fn text_that_is_drawn_without_being_shown_is_marked() {
        let hidden = "BT /F1 12 Tf 72 720 Td (Shown words) Tj 0 -300 Td 3 Tr (Unseen orders) Tj ET";
        let text = extract(&saved(pdf(&[&line("First page"), hidden])), &[])
            .unwrap()
            .text;
        assert!(
            text.starts_with("First page\n\n\u{FDD0}Shown words\n\n\u{FDD0}Unseen"),
            "{text:?}"
        );
    }

    #[test]
    fn an_encrypted_document_is_read_with_the_password_that_opens_it() {
        let mut document = pdf(&[&line("Sealed words")]);
        let version = EncryptionVersion::V2 {
            document: &document,
            owner_password: "owner",
            user_password: "user",
            key_length: 128,
            permissions: Permissions::default(),
        };
        let state = EncryptionState::try_from(version).unwrap();
        document.encrypt(&state).unwrap();
        let bytes = saved(document);
        let given = |passwords: &[&str]| {
            passwords
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(
            extract(&bytes, &given(&["wrong", "user"]))
                .unwrap()
                .text
                .contains("Sealed")
        );
        assert_eq!(reason(&bytes, &[]).0, "is encrypted and needs a password");
        assert!(
            reason(&bytes, &given(&["a", "b"]))
                .0
                .contains("none of the 2 passwords")
        );
    }

    #[test]
    fn pages_without_text_say_whether_text_recognition_would_help() {
        assert_eq!(
            reason(&saved(pdf(&["", ""])), &[]),
            ("holds no text on its 2 page(s)".into(), true)
        );
        let drawn = "q 100 0 0 100 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \u{7F} EI Q";
        assert_eq!(
            reason(&saved(pdf(&[drawn])), &[]),
            ("needs OCR: no text on its 1 page(s)".into(), true)
        );
        assert!(reason(&saved(pdf(&[])), &[]).0.contains("cut off"));
        assert!(!reason(b"%PDF-1.4\nnothing more", &[]).1);
    }

    #[test]
    fn text_that_cannot_be_what_the_pages_show_is_suspect() {
        let of = |text: &str, unread| unreadable(&[text.to_owned()], unread);
        assert!(of("Plain words, and a few signs.", 30).is_none());
        assert!(of("a\u{FFFD}b", 0).unwrap().contains("34 %"));
        assert!(of("(*+%!a\"#$%&'()b", 30).unwrap().contains("OCR"));
    }
}
