//! What a PDF is made of, looked at before its text is read: its encryption, its pages, and how large its streams unpack.

use lopdf::{Document, Error, LoadOptions, Object, Stream};

use super::{MAX_PAGES, Trouble, ranges, too_many_pages};

/// Bytes that one stream may unpack to.
pub(super) const MAX_STREAM_BYTES: usize = 32 << 20;

/// Loads a document, its object streams bounded.
pub(super) fn load(bytes: &[u8], password: &str) -> Result<Document, Trouble> {
    let mut options = LoadOptions::with_max_decompressed_size(MAX_STREAM_BYTES);
    options.password = (!password.is_empty()).then(|| password.to_owned());
    match Document::load_mem_with_options(bytes, options) {
        Ok(document) if document.is_encrypted() => Err(Trouble::Password),
        Ok(document) => Ok(document),
        Err(Error::InvalidPassword | Error::Decryption(_)) => Err(Trouble::Password),
        Err(e) => Err(Trouble::Other(format!("is no readable PDF: {e}"))),
    }
}

/// Finds the password that opens a document, and refuses a document that would cost too much to read.
///
/// What cannot be loaded here, or not with any of the passwords, is left for a reader to judge.
pub(super) fn check<'a>(bytes: &[u8], passwords: &[&'a str]) -> Result<Option<&'a str>, String> {
    for password in passwords {
        let document = match load(bytes, password) {
            Ok(document) => document,
            Err(Trouble::Password) => continue,
            Err(Trouble::Other(_)) => return Ok(None),
        };
        if document.page_iter().take(MAX_PAGES + 1).count() > MAX_PAGES {
            return Err(too_many_pages());
        }
        if document.objects.values().any(is_too_large) {
            return Err(format!(
                "has a stream of more than {} MiB",
                MAX_STREAM_BYTES >> 20
            ));
        }
        ranges::check(&document)?;
        return Ok(Some(password));
    }
    Ok(None)
}

/// Whether a stream that is read unpacks to too much. Pictures are not read.
fn is_too_large(object: &Object) -> bool {
    // Deflate gives 1032 bytes for one at most.
    const DEFLATE_RATIO: usize = 1032;
    let Object::Stream(stream) = object else {
        return false;
    };
    let is = |key: &[u8], name: &[u8]| {
        stream
            .dict
            .get(key)
            .and_then(Object::as_name)
            .is_ok_and(|value| value == name)
    };
    if is(b"Subtype", b"Image") {
        return false;
    }
    match stream.filters().unwrap_or_default().as_slice() {
        [] => stream.content.len() > MAX_STREAM_BYTES,
        [b"FlateDecode"] if stream.content.len() <= MAX_STREAM_BYTES / DEFLATE_RATIO => false,
        _ => unpacks_beyond(stream),
    }
}

fn unpacks_beyond(stream: &Stream) -> bool {
    match stream.decompressed_content_with_limit(MAX_STREAM_BYTES) {
        Err(Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => true,
        // What it cannot unpack is for the reader to say.
        Ok(_) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use lopdf::dictionary;

    use super::super::tests::{pdf, saved};
    use super::*;

    #[test]
    fn a_document_of_too_many_pages_is_refused() {
        let pages = vec![""; MAX_PAGES + 1];
        assert!(
            check(&saved(pdf(&pages)), &[""])
                .unwrap_err()
                .contains("5000 pages")
        );
        assert_eq!(check(&saved(pdf(&["", ""])), &[""]), Ok(Some("")));
    }

    #[test]
    fn a_stream_that_unpacks_to_too_much_is_refused_unless_it_is_a_picture() {
        let with = |stream: Stream| {
            let mut document = pdf(&[""]);
            document.add_object(stream);
            check(&saved(document), &[""])
        };
        let bomb = |dictionary| {
            let mut stream = Stream::new(dictionary, vec![b' '; MAX_STREAM_BYTES + 1]);
            stream.compress().unwrap();
            stream
        };
        assert!(with(bomb(dictionary! {})).unwrap_err().contains("32 MiB"));
        assert!(with(bomb(dictionary! { "Subtype" => "Image" })).is_ok());
    }
}
