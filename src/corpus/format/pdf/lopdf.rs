//! The second reader. It glues words across moves and loses what forms hold, so it is asked only where the first fails.

use super::structure::load;
use super::{
    MAX_PAGES, MAX_TEXT_BYTES, Pages, PdfText, Trouble, structure, too_many_pages, too_much_text,
};

pub(super) struct Lopdf;

impl PdfText for Lopdf {
    fn read(&self, bytes: &[u8], password: &str) -> Result<Pages, Trouble> {
        let document = load(bytes, password)?;
        let mut pages = Pages::default();
        let mut size = 0;
        for number in document.get_pages().into_keys() {
            let text = document
                .extract_text_with_limit(&[number], structure::MAX_STREAM_BYTES)
                .unwrap_or_default();
            size += text.len();
            if size > MAX_TEXT_BYTES {
                return Err(too_much_text());
            }
            if pages.texts.len() == MAX_PAGES {
                return Err(Trouble::Other(too_many_pages()));
            }
            pages.texts.push(text);
        }
        Ok(pages)
    }
}
