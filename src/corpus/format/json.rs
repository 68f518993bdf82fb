//! A JSON file of records: an array of objects, an object whose only array holds them, or one object. Any other JSON file is
//! source code.

use std::fmt;
use std::io::{self, BufRead};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value as Json;

use super::records::{Record, map, text_field};
use super::{Format, Refusal, Task, Visit, compressed, read_one};

/// What to do about a file that is too large.
const HINT: &str = "; records in JSON Lines may be any number";

pub(super) fn is_named(name: &str) -> bool {
    let name = compressed::inner_name(name);
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

/// Reads a file whose name does not tell that it is JSON.
pub(super) fn stream(task: &Task, reader: &mut dyn BufRead, visit: Visit<'_>) -> io::Result<()> {
    let bytes = match super::read_whole(reader) {
        Ok(bytes) => bytes,
        Err(e) => return visit(Err(task.failure(unread(&e).into()))),
    };
    read(task, &bytes, &bytes, visit)
}

/// Why a file could not be read, and what to do where it is too large.
pub(super) fn unread(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::FileTooLarge => format!("{e}{HINT}"),
        _ => e.to_string(),
    }
}

/// Reads a file. The records are parsed one at a time: all at once they would take ten times the memory.
pub(super) fn read(task: &Task, raw: &[u8], whole: &[u8], visit: Visit<'_>) -> io::Result<()> {
    let bytes = whole.strip_prefix(super::UTF8_MARK).unwrap_or(whole);
    let failed = |e: &dyn fmt::Display, visit: Visit<'_>| {
        visit(Err(task.failure(format!("is no readable JSON: {e}").into())))
    };
    let seen = match parse(
        bytes,
        Look {
            field: text_field(task),
            depth: 0,
        },
    ) {
        Ok(seen) => seen,
        Err(e) => return failed(&e, visit),
    };
    let mapped = task.options.fields.text.is_some();
    let place = match seen {
        Seen {
            objects: true,
            text,
            ..
        } if text || mapped => Place::Top,
        Seen {
            object: true,
            text: true,
            ..
        } => Place::One,
        Seen {
            arrays: 1,
            records: Some((member, text)),
            ..
        } if text || mapped => Place::Member(member),
        Seen { object: true, .. } if mapped => Place::One,
        Seen {
            list: true,
            empty: true,
            ..
        } => return Ok(()),
        _ => {
            let outcome = read_one(task, Some(Format::Code), raw, whole);
            return visit(outcome.map_err(|refusal| task.failure(refusal)));
        }
    };
    let mut stopped = None;
    let mut number = 0u64;
    let mut tell = |value: Json| {
        number += 1;
        let canonical = value.to_string();
        let record = Record {
            id: match place {
                Place::One => task.id.clone(),
                _ => format!("{}:{number}", task.id),
            },
            place: number.to_string(),
            bytes: canonical.as_bytes(),
        };
        let outcome = match &value {
            Json::Object(fields) => map(task, &record, fields),
            _ => Err(Refusal::from("is not a JSON object")),
        };
        record
            .tell(task, outcome, visit)
            .map_err(|e| stopped = Some(e))
    };
    let each = Each {
        place: place.clone(),
        tell: &mut tell,
    };
    match (parse(bytes, each), stopped) {
        (_, Some(e)) => Err(e),
        (Err(e), None) => failed(&e, visit),
        (Ok(()), None) => Ok(()),
    }
}

/// Where the records of a file stand.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// They are the elements of the file's array.
    Top,
    /// They are the elements of an array in a member of the file's object.
    Member(String),
    /// The file's object is the only one.
    One,
}

fn parse<'de, S: DeserializeSeed<'de>>(bytes: &'de [u8], seed: S) -> serde_json::Result<S::Value> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// What a first pass sees of a value, down to the names of its records' fields.
#[derive(Debug, Default)]
struct Seen {
    object: bool,
    list: bool,
    empty: bool,
    /// It is a list, and all its elements are objects.
    objects: bool,
    /// It, or one of its elements, has a field for the text.
    text: bool,
    /// Arrays among an object's members.
    arrays: usize,
    /// The member that holds objects, and whether one of them has a field for the text.
    records: Option<(String, bool)>,
}

struct Look<'a> {
    field: &'a str,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Seen, A::Error> {
        let mut seen = Seen {
            object: true,
            ..Seen::default()
        };
        while let Some(name) = members.next_key::<String>()? {
            seen.text |= name == self.field;
            if self.depth > 0 {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let member = members.next_value_seed(Look { depth: 1, ..self })?;
            seen.arrays += usize::from(member.list);
            if member.objects {
                seen.records = Some((name, member.text));
            }
        }
        Ok(seen)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Seen, A::Error> {
        let mut seen = Seen {
            list: true,
            empty: true,
            ..Seen::default()
        };
        if self.depth > 1 {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(seen);
        }
        seen.objects = true;
        while let Some(element) = elements.next_element_seed(Look { depth: 2, ..self })? {
            seen.empty = false;
            seen.objects &= element.object;
            seen.text |= element.text;
        }
        seen.objects &= !seen.empty;
        Ok(seen)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::default())
    }
}

/// The second pass: tells each record as it is parsed.
struct Each<'a> {
    place: Place,
    tell: &'a mut dyn FnMut(Json) -> Result<(), ()>,
}

impl<'de> DeserializeSeed<'de> for Each<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.place == Place::One {
            let value = serde::Deserialize::deserialize(deserializer)?;
            return (self.tell)(value).map_err(|()| D::Error::custom("stopped"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            match &self.place {
                Place::Member(member) if *member == name => members.next_value_seed(Each {
                    place: Place::Top,
                    tell: &mut *self.tell,
                })?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(value) = elements.next_element()? {
            (self.tell)(value).map_err(|()| A::Error::custom("stopped"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, outcomes, task};
    use super::*;

    #[test]
    fn records_are_found_where_files_have_them() {
        let record = r#"{"id": 1, "text": "a", "tags": ["x"], "parts": [{"n": 1}]}"#;
        let other = r#"{"text": "b", "meta": {"text": []}}"#;
        let files = [
            (format!("[{record}, {other}]"), ["1", "item:2"].as_slice()),
            (
                format!("{{\"n\": 2, \"meta\": {{}}, \"rows\": [{record}, 3, {other}]}}"),
                &[],
            ),
            (
                format!("{{\"n\": 2, \"rows\": [{record}, {other}]}}"),
                &["1", "item:2"],
            ),
            (record.to_owned(), &["1"]),
            (other.to_owned(), &["item"]),
            ("[]".to_owned(), &[]),
        ];
        for (file, ids) in files {
            let read = outcomes(&task("a.json"), file.as_bytes());
            let found: Vec<_> = read
                .iter()
                .filter_map(|outcome| outcome.as_ref().ok())
                .filter(|document| document.format == Format::Record)
                .map(|document| document.id.as_str())
                .collect();
            assert_eq!(found, ids, "{file}: {read:?}");
        }
        let first = outcomes(&task("a.json"), format!("[{record}]").as_bytes());
        let canonical = r#"{"id":1,"text":"a","tags":["x"],"parts":[{"n":1}]}"#;
        assert_eq!(
            first[0].as_ref().unwrap().sha256,
            crate::digest::Digest::of(canonical)
        );
    }

    #[test]
    fn a_file_without_records_is_source_code() {
        let file = br#"{"name": "package", "files": [{"path": "a"}]}"#;
        let document = only(&task("package.json"), file).unwrap();
        assert_eq!(
            (document.format, document.text.as_bytes()),
            (Format::Code, file.as_slice())
        );
        let marked = [super::super::UTF8_MARK, file].concat();
        let document = only(&task("package.json"), &marked).unwrap();
        assert_eq!(document.text.as_bytes(), file);
        assert_eq!(document.offsets.original(0), 3);
        let broken = only(&task("a.json"), b"[{\"text\": \"a\"}, {]").unwrap_err();
        assert!(
            broken.reason.starts_with("is no readable JSON: "),
            "{broken:?}"
        );
        let deep = only(&task("a.json"), "[".repeat(100_000).as_bytes()).unwrap_err();
        assert!(deep.reason.starts_with("is no readable JSON: "), "{deep:?}");
    }
}
