//! `.gz` and `.zst` around any other format. What is inside is told by the first bytes, its format by the name below the
//! ending.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use super::MAX_DOCUMENT_BYTES;

/// How much larger than its compressed form a stream of records may be, beyond the first [`MAX_DOCUMENT_BYTES`].
const MAX_RATIO: u64 = 250;
const GZIP: &[u8] = b"\x1F\x8B\x08";
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";

/// Takes the directories and an ending that names a compression off a name.
pub(super) fn inner_name(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((inner, ending))
            if ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known)) =>
        {
            inner
        }
        _ => name,
    }
}

const ENDINGS: &[&str] = &["gz", "zst", "zstd"];

/// Decompresses a document, if it is compressed.
pub(super) fn unpack(raw: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let Some(mut decoder) = decoder(raw, raw).map_err(|e| damaged(&e))? else {
        return Ok(Cow::Borrowed(raw));
    };
    let mut unpacked = Vec::new();
    (&mut decoder)
        .take(MAX_DOCUMENT_BYTES + 1)
        .read_to_end(&mut unpacked)
        .map_err(|e| damaged(&e))?;
    if unpacked.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(format!(
            "unpacks to more than {} MiB",
            MAX_DOCUMENT_BYTES >> 20
        ));
    }
    Ok(Cow::Owned(unpacked))
}

/// Decompresses a stream as it is read, if it is compressed.
pub(in crate::corpus) fn stream<'a>(
    reader: &'a mut dyn BufRead,
) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut head = Vec::new();
    reader.take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let read = Rc::new(Cell::new(0));
    let whole = Counted {
        inner: io::Cursor::new(head.clone()).chain(reader),
        count: Rc::clone(&read),
    };
    let whole = BufReader::new(whole);
    if !head.starts_with(GZIP) && !head.starts_with(ZSTD) {
        return Ok(Box::new(whole));
    }
    let decoder = decoder(&head, whole)?.unwrap_or_else(|| Box::new(io::empty()));
    Ok(Box::new(BufReader::with_capacity(
        1 << 16,
        Guarded {
            decoder,
            packed: read,
            unpacked: 0,
        },
    )))
}

/// A decoder for what begins with `head`. Both formats may be many members in a row, which are one document.
fn decoder<'a>(head: &[u8], reader: impl BufRead + 'a) -> io::Result<Option<Box<dyn Read + 'a>>> {
    Ok(match head {
        _ if head.starts_with(GZIP) => Some(Box::new(flate2::bufread::MultiGzDecoder::new(reader))),
        _ if head.starts_with(ZSTD) => Some(Box::new(zstd::Decoder::with_buffer(reader)?)),
        _ => None,
    })
}

fn damaged(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "cannot be unpacked: it is cut off".into(),
        _ => format!("cannot be unpacked: {e}"),
    }
}

struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// A stream of records has no size of its own to be capped, but a bomb shows in how little it was made from.
struct Guarded<'a> {
    decoder: Box<dyn Read + 'a>,
    packed: Rc<Cell<u64>>,
    unpacked: u64,
}

impl Read for Guarded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .decoder
            .read(buffer)
            .map_err(|e| io::Error::other(damaged(&e)))?;
        self.unpacked += read as u64;
        if self.unpacked > MAX_DOCUMENT_BYTES + MAX_RATIO * self.packed.get() {
            return Err(io::Error::other(format!(
                "unpacks to more than {MAX_RATIO} times its size"
            )));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::Format;
    use super::super::tests::{only, outcomes, task};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    #[test]
    fn all_members_are_one_document_with_the_hash_of_the_file() {
        for pack in [gzip, zstd] {
            let file = [pack(b"# One\n"), pack(b"two")].concat();
            for name in ["a.md.gz", "a.MD.ZST", "a.md"] {
                let document = only(&task(name), &file).unwrap();
                assert_eq!(
                    (document.text.as_str(), document.format),
                    ("# One\ntwo", Format::Markdown)
                );
                assert_eq!(
                    (document.bytes, document.sha256),
                    (file.len() as u64, crate::digest::Digest::of(&file))
                );
            }
            let records = [pack(b"{\"text\":\"a\"}\n{\"te"), pack(b"xt\":\"b\"}")].concat();
            let read = outcomes(&task("a.jsonl.gz"), &records);
            let texts: Vec<_> = read
                .iter()
                .map(|outcome| outcome.as_ref().unwrap().text.as_str())
                .collect();
            assert_eq!(texts, ["a", "b"]);
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_the_name_of_its_limit() {
        let blank = vec![b' '; 70 << 20];
        let lines = [&[b' '; 1 << 20][..], b"\n"].concat().repeat(192);
        for pack in [gzip, zstd] {
            let one = only(&task("a.md.gz"), &pack(&blank)).unwrap_err();
            assert_eq!(one.reason, "unpacks to more than 64 MiB");
            let many = only(&task("a.jsonl"), &pack(&lines)).unwrap_err();
            assert_eq!(many.reason, "unpacks to more than 250 times its size");
        }
    }

    #[test]
    fn what_is_cut_off_says_so_and_keeps_the_records_before() {
        let file = gzip(&b"{\"text\": \"a\"}\n".repeat(9));
        let cut = &file[..file.len() - 12];
        assert_eq!(
            only(&task("a.md.gz"), cut).unwrap_err().reason,
            "cannot be unpacked: it is cut off"
        );
        let records = outcomes(&task("a.jsonl.gz"), cut);
        let last = records.last().unwrap().as_ref().unwrap_err();
        assert!(last.reason.contains("cut off"), "{last:?}");
    }
}
