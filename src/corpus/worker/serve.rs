//! The child's side: what is asked is read and answered, one request after the other, within limits.

use std::any::Any;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};
use nix::unistd::dup2_stdout;

use super::limits::Limits;
use super::protocol::{self, BODY_FRAME, Body, Done, PROTOCOL, Reply, Request};
use crate::corpus::format::Extracted;
use crate::corpus::{Document, Failure, Value, format, read_whole, web};

/// The stack that parsers recurse on.
const STACK: usize = 32 << 20;
/// Characters of a panic's message that are told.
const MAX_MESSAGE: usize = 160;

type Answer<'a> = &'a mut dyn FnMut(Reply) -> io::Result<()>;
type Perform<'a, R> = &'a mut dyn FnMut(Request, &mut Body<'_, R>, Answer<'_>) -> io::Result<()>;

/// Answers the requests of the process that started this one, until there are none. It is all that this process does.
pub fn serve(input: impl AsFd, output: impl AsFd) -> io::Result<()> {
    let input = File::from(input.as_fd().try_clone_to_owned()?);
    let output = File::from(output.as_fd().try_clone_to_owned()?);
    // What a parser prints must not get among the frames.
    dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    panic::set_hook(Box::new(|_| {}));
    let watched = input.try_clone()?;
    thread::Builder::new()
        .name("orphan".into())
        .spawn(move || end_with_parent(&watched))?;
    let parsing = thread::Builder::new()
        .name("extract".into())
        .stack_size(STACK)
        .spawn(move || -> io::Result<()> {
            let limits = Limits::set(STACK as u64)?;
            answer(
                &mut BufReader::with_capacity(BODY_FRAME, input),
                &mut &output,
                Some(&limits),
                &mut perform,
            )
        })?;
    parsing
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the worker panicked")))
}

/// Ends this process when nobody holds the other end of its input, whatever it is busy with. A signal for the death of the
/// parent would come with the death of the thread that started this process.
fn end_with_parent(input: &File) {
    let mut watched = [PollFd::new(input.as_fd(), PollFlags::empty())];
    while poll(&mut watched, PollTimeout::NONE).is_err() {}
    raise(Signal::SIGKILL).ok();
}

fn answer<R: BufRead>(
    input: &mut R,
    output: &mut impl Write,
    limits: Option<&Limits>,
    perform: Perform<'_, R>,
) -> io::Result<()> {
    let renew = || limits.map_or(Ok(()), Limits::renew);
    let mut pending = Vec::new();
    put(Reply::Ready { protocol: PROTOCOL }, &mut pending)?;
    flush(&mut pending, output)?;
    while let Some(request) = protocol::read_request(input)? {
        renew()?;
        let item = Item::of(&request);
        let mut body = Body::new(input);
        let mut reply = |reply: Reply| {
            let is_all = item.is_all(&reply);
            put(reply, &mut pending)?;
            if is_all {
                return Ok(());
            }
            // What a crash on the next record must not take along is sent at once, and the next has its own time.
            flush(&mut pending, output)?;
            renew()
        };
        let performed =
            panic::catch_unwind(AssertUnwindSafe(|| perform(request, &mut body, &mut reply)));
        let panicked = performed.is_err();
        match performed {
            Ok(Ok(())) => {}
            Ok(Err(e)) => reply(item.failure(e.to_string()))?,
            Err(payload) => reply(item.failure(gave_up(payload.as_ref())))?,
        }
        let done = Done {
            memory: limits.and_then(|limits| limits.look(body.taken())),
            panicked,
        };
        put(Reply::Done(done), &mut pending)?;
        flush(&mut pending, output)?;
        body.drain()?;
    }
    Ok(())
}

fn put(mut reply: Reply, to: &mut Vec<u8>) -> io::Result<()> {
    if protocol::put_reply(&mut reply, to).is_err() {
        protocol::put_json(&too_long(reply), to)?;
    }
    Ok(())
}

fn flush(pending: &mut Vec<u8>, to: &mut impl Write) -> io::Result<()> {
    to.write_all(pending)?;
    pending.clear();
    // One large document does not take its memory for as long as this process lives.
    pending.shrink_to(BODY_FRAME);
    Ok(())
}

/// What a request is about.
struct Item(Option<(String, String, String)>);

impl Item {
    fn of(request: &Request) -> Self {
        Self(match request {
            Request::Extract(task) => {
                Some((task.source.clone(), task.id.clone(), task.uri.clone()))
            }
            Request::Links { .. } | Request::Sitemap => None,
        })
    }

    /// Whether a reply is about the whole item, so that no other follows.
    fn is_all(&self, reply: &Reply) -> bool {
        let about = match reply {
            Reply::Document(document) => Some(&document.id),
            Reply::Failure(failure) => Some(&failure.id),
            _ => None,
        };
        about == self.0.as_ref().map(|(_, id, _)| id)
    }

    fn failure(&self, reason: String) -> Reply {
        match self.0.clone() {
            Some((source, id, uri)) => Reply::Failure(Failure {
                source,
                id,
                uri,
                reason,
                empty: false,
            }),
            None => Reply::Refused(reason),
        }
    }
}

fn perform<R: BufRead>(
    request: Request,
    body: &mut Body<'_, R>,
    reply: Answer<'_>,
) -> io::Result<()> {
    match request {
        Request::Extract(task) => format::read(&task, body, &mut |outcome| match outcome {
            Ok(document) => reply(sendable(document)),
            Err(mut failure) => {
                for name in [&mut failure.id, &mut failure.uri] {
                    name.truncate(name.floor_char_boundary(Extracted::MAX_ID_BYTES));
                }
                reply(Reply::Failure(failure))
            }
        }),
        Request::Links { base, charset } => {
            let page = read_whole(body)?;
            reply(match format::links(&page, &base, charset.as_deref()) {
                Ok(links) => Reply::Links(links),
                Err(reason) => Reply::Refused(reason),
            })
        }
        Request::Sitemap => {
            let bytes = read_whole(body)?;
            reply(match web::sitemap::parse(&bytes) {
                Ok(sitemap) => Reply::Sitemap(sitemap),
                Err(reason) => Reply::Refused(reason),
            })
        }
    }
}

/// JSON has no number that is not finite, and every chunk has a copy of a document's id and of where it lies. A failure's
/// are shortened.
fn sendable(mut document: Document) -> Reply {
    let most = Extracted::MAX_ID_BYTES;
    for (what, is_id) in [("an id", true), ("an address", false)] {
        let length = if is_id {
            document.id.len()
        } else {
            document.uri.len()
        };
        if length > most {
            for name in [&mut document.id, &mut document.uri] {
                name.truncate(name.floor_char_boundary(most));
            }
            return failed(document, format!("has {what} of more than {most} bytes"));
        }
    }
    let infinite = document
        .metadata
        .iter()
        .find(|(_, value)| matches!(value, Value::Float(number) if !number.is_finite()));
    match infinite {
        Some((field, _)) => {
            let reason = format!("has a number that is not finite in the metadata field `{field}`");
            failed(document, reason)
        }
        None => Reply::Document(Box::new(document)),
    }
}

fn too_long(reply: Reply) -> Reply {
    let reason = format!(
        "gives more than {} MiB, most of it not text",
        protocol::MAX_FRAME >> 20
    );
    match reply {
        Reply::Document(document) => failed(*document, reason),
        _ => Reply::Refused(reason),
    }
}

fn failed(document: Document, reason: String) -> Reply {
    Reply::Failure(Failure {
        source: document.source,
        id: document.id,
        uri: document.uri,
        reason,
        empty: false,
    })
}

/// Words a panic. Its message tells whoever mends the parser where to look.
fn gave_up(payload: &(dyn Any + Send)) -> String {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .and_then(|message| message.lines().next());
    match message {
        Some(message) => {
            let message: String = message.chars().take(MAX_MESSAGE).collect();
            format!("the parser gave up on it ({message})")
        }
        None => "the parser gave up on it".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::protocol::{Incoming, put, put_json};
    use super::*;
    use crate::corpus::Task;

    fn replies(requests: &[(&str, &[&[u8]])]) -> Vec<Reply> {
        let mut input = Vec::new();
        for (base, body) in requests {
            let request = Request::Links {
                base: (*base).into(),
                charset: None,
            };
            put_json(&request, &mut input).unwrap();
            body.iter().for_each(|part| put(part, &mut input).unwrap());
            put(&[], &mut input).unwrap();
        }
        let mut output = Vec::new();
        let mut input = input.as_slice();
        answer(
            &mut input,
            &mut output,
            None,
            &mut |request, body, reply| {
                let Request::Links { base, .. } = request else {
                    unreachable!()
                };
                let mut first = [0; 2];
                body.read_exact(&mut first)?;
                assert_ne!(base, "panic", "it is said so");
                reply(Reply::Links(vec![String::from_utf8_lossy(&first).into()]))
            },
        )
        .unwrap();
        let mut incoming = Incoming::default();
        incoming.extend(&output);
        std::iter::from_fn(|| incoming.next().unwrap()).collect()
    }

    #[test]
    fn what_a_parser_leaves_unread_is_no_part_of_the_next_request() {
        let replies = replies(&[("a", &[b"one", b"rest"]), ("b", &[b"two"])]);
        let links: Vec<&str> = replies
            .iter()
            .filter_map(|reply| match reply {
                Reply::Links(links) => links.first().map(String::as_str),
                _ => None,
            })
            .collect();
        assert_eq!(links, ["on", "tw"]);
    }

    #[test]
    fn an_id_that_is_too_long_is_the_failure_of_its_record() {
        let task = Task {
            source: "s".into(),
            id: "item".into(),
            uri: "u".into(),
            name: "a.jsonl".into(),
            format: None,
            charset: None,
            options: format::Options::default(),
            metadata: crate::corpus::Metadata::new(),
        };
        let id = "é".repeat(3_000);
        let file = format!(
            "{{\"id\": \"{id}\", \"text\": \"words\"}}\n{{\"id\": \"b\", \"text\": \"words\"}}\n"
        );
        let mut replies = Vec::new();
        let mut visit = |outcome| {
            replies.push(match outcome {
                Ok(document) => sendable(document),
                Err(failure) => Reply::Failure(failure),
            });
            Ok(())
        };
        format::read(&task, &mut file.as_bytes(), &mut visit).unwrap();
        let [Reply::Failure(failure), Reply::Document(_)] = replies.as_slice() else {
            panic!("{replies:?}")
        };
        assert_eq!(failure.reason, "has an id of more than 4096 bytes");
        assert_eq!(failure.id, id[..4096]);
        assert!(failure.uri.len() <= 4096);
    }

    #[test]
    fn a_panic_is_the_failure_of_one_request() {
        let replies = replies(&[("panic", &[b"one"]), ("b", &[b"x"]), ("c", &[b"two"])]);
        let [
            Reply::Ready { .. },
            Reply::Refused(gave_up),
            Reply::Done(Done { panicked: true, .. }),
            Reply::Refused(cut),
            Reply::Done(Done {
                panicked: false, ..
            }),
            Reply::Links(links),
            Reply::Done(_),
        ] = replies.as_slice()
        else {
            panic!("{replies:?}")
        };
        assert!(
            gave_up.starts_with("the parser gave up on it (") && gave_up.contains("it is said so"),
            "{gave_up}"
        );
        assert!(!cut.is_empty());
        assert_eq!(links, &["tw"]);
    }
}
