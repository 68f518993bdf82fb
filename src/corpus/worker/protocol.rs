//! What parent and child say to each other: frames, each its length in four little-endian bytes and then as many bytes.
//!
//! A request is one frame of JSON, then its body in frames of at most 64 KiB, ended by an empty one. An answer is any
//! number of frames of JSON, the last of them [`Reply::Done`], which may come before the body's end: the rest of it is
//! then not wanted. After a [`Reply::Document`] comes its text, in a frame of its own.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use crate::corpus::{Document, Failure, Task, web::Sitemap};

/// Bytes that one frame may have. A longer one is refused before memory is taken for it.
pub(super) const MAX_FRAME: usize = 64 << 20;
/// Bytes of the body that one frame carries.
pub(super) const BODY_FRAME: usize = 64 << 10;
/// Raised when the frames' meaning changes: a child of another build is not talked to.
pub(super) const PROTOCOL: u32 = 1;

/// What a child is asked for. The bytes that it is about follow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// The documents of an item.
    Extract(Box<Task>),
    /// The addresses that a web page points to.
    Links {
        base: String,
        charset: Option<String>,
    },
    /// The addresses that a sitemap lists.
    Sitemap,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// Its limits are set. Said once, before anything else.
    Ready { protocol: u32 },
    /// An item, or one record of it. Its text is apart, because most of it would have to be escaped.
    Document(Box<Document>),
    /// One that could not be read.
    Failure(Failure),
    /// What a page points to.
    Links(Vec<String>),
    /// What a sitemap lists.
    Sitemap(Sitemap),
    /// The page or sitemap cannot be read; a clause.
    Refused(String),
    /// The answer is complete.
    Done(Done),
}

/// How a child is after a request.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Done {
    /// What it looks at now and then.
    pub(super) memory: Option<Memory>,
    /// Whether a parser panicked, so that what it holds may be in disorder.
    pub(super) panicked: bool,
}

/// What a child has of memory, in bytes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Address space.
    pub(super) mapped: u64,
    /// In memory.
    pub(super) resident: u64,
    /// In memory at most since it began.
    pub(super) peak: u64,
    /// Address space that it has more than in the beginning, and which the next item lacks.
    pub(super) grown: u64,
}

/// Appends a frame.
pub(super) fn put(frame: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(frame);
    Ok(())
}

/// Appends a message as a frame. Fails, and appends nothing, for one that is too long for a frame.
pub(super) fn put_json(
    message: &impl Serialize,
    to: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let start = to.len();
    to.extend_from_slice(&[0; 4]);
    let written = serde_json::to_writer(Capped(to, start + 4 + MAX_FRAME), message);
    let length = to.len() - start - 4;
    match (written, u32::try_from(length), to.get_mut(start..start + 4)) {
        (Ok(()), Ok(length), Some(place)) => {
            place.copy_from_slice(&length.to_le_bytes());
            Ok(())
        }
        (written, ..) => {
            to.truncate(start);
            written
        }
    }
}

/// Memory that takes no more than so many bytes.
struct Capped<'a>(&'a mut Vec<u8>, usize);

impl Write for Capped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > self.1 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a reply, or nothing of one that is too long.
pub(super) fn put_reply(reply: &mut Reply, to: &mut Vec<u8>) -> Result<(), TooLong> {
    let start = to.len();
    let text = match reply {
        Reply::Document(document) => Some(std::mem::take(&mut document.text)),
        _ => None,
    };
    let mut written = put_json(reply, to).map_err(|_| TooLong);
    if let (Some(text), Ok(())) = (text, &written) {
        written = match text.len() <= MAX_FRAME {
            true => put(text.as_bytes(), to).map_err(|_| TooLong),
            false => Err(TooLong),
        };
    }
    if written.is_err() {
        to.truncate(start);
    }
    written
}

/// A reply that no frame can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Reads the next request; `None` once there will be none.
pub(super) fn read_request(input: &mut impl BufRead) -> io::Result<Option<Request>> {
    if input.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let length = read_length(input, MAX_FRAME)?;
    let mut frame = vec![0; length];
    input.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}

fn read_length(input: &mut impl Read, most: usize) -> io::Result<usize> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    match usize::try_from(u32::from_le_bytes(length)) {
        Ok(length) if length <= most => Ok(length),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame is too long",
        )),
    }
}

/// The body of a request, read from its frames.
pub(super) struct Body<'a, R> {
    input: &'a mut R,
    /// Bytes of the frame that are yet to be read.
    left: usize,
    ended: bool,
    taken: u64,
}

impl<'a, R: BufRead> Body<'a, R> {
    pub(super) fn new(input: &'a mut R) -> Self {
        Self {
            input,
            left: 0,
            ended: false,
            taken: 0,
        }
    }

    /// Bytes that were read of it.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Reads the body to its end, so that the next request is next.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        loop {
            match self.fill_buf()?.len() {
                0 => return Ok(()),
                read => self.consume(read),
            }
        }
    }
}

impl<R: BufRead> BufRead for Body<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 && !self.ended {
            self.left = read_length(self.input, BODY_FRAME)?;
            self.ended = self.left == 0;
        }
        if self.ended {
            return Ok(&[]);
        }
        let bytes = self.input.fill_buf()?;
        match bytes.len() {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => Ok(bytes.get(..length.min(self.left)).unwrap_or_default()),
        }
    }

    fn consume(&mut self, count: usize) {
        self.left -= count.min(self.left);
        self.taken += count as u64;
        self.input.consume(count);
    }
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// Frames of replies as they arrive.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    taken: usize,
    /// A document whose text is yet to come.
    waiting: Option<Box<Document>>,
}

/// Bytes that no child of ours writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nonsense;

impl Incoming {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        // What was taken goes before more comes: reads seldom end where frames do.
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
            // One large document does not take its memory for as long as the child lives.
            if self.bytes.capacity() > 4 * BODY_FRAME {
                self.bytes.shrink_to(BODY_FRAME);
            }
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next reply, if all of it is there.
    pub(super) fn next(&mut self) -> Result<Option<Reply>, Nonsense> {
        if self.waiting.is_none() {
            let Some(reply) = self.frame(|frame| serde_json::from_slice(frame).ok())? else {
                return Ok(None);
            };
            match reply {
                Reply::Document(document) => self.waiting = Some(document),
                reply => return Ok(Some(reply)),
            }
        }
        let Some(text) = self.frame(|frame| str::from_utf8(frame).map(str::to_owned).ok())? else {
            return Ok(None);
        };
        Ok(self.waiting.take().map(|mut document| {
            document.text = text;
            Reply::Document(document)
        }))
    }

    /// Takes the next frame, if all of it is there and it can be read.
    fn frame<T>(&mut self, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Nonsense> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Nonsense)?;
        if length > MAX_FRAME {
            return Err(Nonsense);
        }
        let Some(frame) = rest.get(..length) else {
            return Ok(None);
        };
        let read = read(frame).ok_or(Nonsense)?;
        self.taken += 4 + length;
        if self.taken == self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
            self.bytes.shrink_to(BODY_FRAME);
        }
        Ok(Some(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_taken_when_its_last_byte_is_there() {
        let mut bytes = Vec::new();
        for reason in ["one", "two"] {
            put_json(&Reply::Refused(reason.into()), &mut bytes).unwrap();
        }
        let mut incoming = Incoming::default();
        let mut seen = Vec::new();
        for byte in bytes {
            incoming.extend(&[byte]);
            if let Some(Reply::Refused(reason)) = incoming.next().unwrap() {
                seen.push(reason);
            }
        }
        assert_eq!(seen, ["one", "two"]);
        assert!(incoming.bytes.is_empty());
    }

    #[test]
    fn frames_that_straddle_reads_do_not_add_up() {
        let mut frame = Vec::new();
        put_json(&Reply::Refused("x".repeat(50_000)), &mut frame).unwrap();
        let mut incoming = Incoming::default();
        let mut seen = 0;
        for part in frame.repeat(200).chunks(BODY_FRAME - 7) {
            incoming.extend(part);
            assert!(incoming.bytes.len() < 2 * BODY_FRAME);
            while let Some(Reply::Refused(_)) = incoming.next().unwrap() {
                seen += 1;
            }
        }
        assert_eq!(seen, 200);
    }

    #[test]
    fn a_length_beyond_the_cap_is_refused_before_its_bytes_come() {
        let mut incoming = Incoming::default();
        incoming.extend(&u32::MAX.to_le_bytes());
        assert_eq!(incoming.next().unwrap_err(), Nonsense);
        let mut incoming = Incoming::default();
        incoming.extend(b"\x02\0\0\0no");
        assert_eq!(incoming.next().unwrap_err(), Nonsense);
    }

    #[test]
    fn a_message_too_long_for_a_frame_leaves_no_trace() {
        let mut bytes = b"before".to_vec();
        let long = "\u{1}".repeat(MAX_FRAME / 6 + 1);
        assert!(put_json(&Reply::Refused(long), &mut bytes).is_err());
        assert_eq!(bytes, b"before");
    }

    #[test]
    fn a_body_ends_at_its_empty_frame_and_no_later() {
        let mut bytes = Vec::new();
        for frame in [&b"ab"[..], b"c", b"", b"next"] {
            put(frame, &mut bytes).unwrap();
        }
        let mut input = bytes.as_slice();
        let mut body = Body::new(&mut input);
        let mut text = String::new();
        body.read_to_string(&mut text).unwrap();
        body.drain().unwrap();
        assert_eq!((text.as_str(), input), ("abc", &b"\x04\0\0\0next"[..]));
        let mut cut = &bytes[..5];
        assert!(Body::new(&mut cut).drain().is_err());
    }
}
