//! The first reader: it knows reading order, columns, forms and the character maps of East Asia.

use std::ops::ControlFlow;

use unpdf::{Error, PageStreamOptions, ParseEvent, ParseOptions, PdfParser};

use super::{MAX_PAGES, MAX_TEXT_BYTES, Pages, PdfText, Trouble, too_many_pages, too_much_text};

pub(super) struct Unpdf;

impl PdfText for Unpdf {
    fn read(&self, bytes: &[u8], password: &str) -> Result<Pages, Trouble> {
        let options = ParseOptions::new().lenient().sequential();
        let options = match password {
            "" => options,
            password => options.with_password(password),
        };
        let stream = PageStreamOptions::from(&options);
        let parser = PdfParser::from_bytes_with_options(bytes, options).map_err(trouble)?;
        if parser.page_count() as usize > MAX_PAGES {
            return Err(Trouble::Other(too_many_pages()));
        }
        let mut pages = Pages::default();
        let (mut size, mut pieces, mut unread) = (0, 0, 0);
        let read = parser.for_each_page(stream, |event| {
            match event {
                ParseEvent::DocumentStart { metadata, .. } => pages.title = metadata.title,
                ParseEvent::PageParsed(page) => {
                    pages.pictures |= page.image_op_count > 0 || page.fill_op_count > 0;
                    // Over a picture of the page, unseen text is what text recognition found in it.
                    if page.invisible_text_chars > 0
                        && page.painted_text_chars > 0
                        && page.image_coverage < 0.5
                    {
                        pages.unseen.insert(pages.texts.len());
                    }
                    unread += page.suppressed_text_runs;
                    pieces += (page.text_op_count as usize).max(page.suppressed_text_runs);
                    let text = page.plain_text();
                    size += text.len();
                    pages.texts.push(text);
                }
                // A page that cannot be read keeps its number.
                ParseEvent::PageFailed { .. } => pages.texts.push(String::new()),
                ParseEvent::Progress { .. } | ParseEvent::DocumentEnd { .. } => {}
            }
            match size > MAX_TEXT_BYTES {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if size > MAX_TEXT_BYTES {
            return Err(too_much_text());
        }
        read.map_err(trouble)?;
        pages.unread = unread * 100 / pieces.max(1);
        Ok(pages)
    }
}

fn trouble(error: unpdf::Error) -> Trouble {
    match error {
        Error::Encrypted | Error::InvalidPassword => Trouble::Password,
        Error::UnknownFormat => Trouble::Other("is no PDF: it does not begin as one".into()),
        Error::PdfParse(problem) => Trouble::Other(format!("is no readable PDF: {problem}")),
        error => Trouble::Other(format!("is no readable PDF: {error}")),
    }
}
