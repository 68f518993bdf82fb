//! CSV and TSV: a record a row, its fields named by the first row.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Cursor, Read};

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value as Json};

use super::records::{Record, map, text_field};
use super::{MAX_DOCUMENT_BYTES, Refusal, Task, Visit, charset};

/// Bytes of one row.
const MAX_ROW_BYTES: u64 = 16 << 20;
/// Fields that the first row may name; as many as a sheet of Excel has.
const MAX_COLUMNS: usize = 16_384;

pub(super) fn read(
    task: &Task,
    delimiter: Option<u8>,
    reader: &mut dyn BufRead,
    visit: Visit<'_>,
) -> io::Result<()> {
    let mut head = Vec::new();
    if let Err(e) = reader.take(MAX_DOCUMENT_BYTES).read_to_end(&mut head) {
        return visit(Err(task.failure(e.to_string().into())));
    }
    // A file that fits is decoded as a whole, which tells its encoding best. A larger one is taken for UTF-8.
    if (head.len() as u64) < MAX_DOCUMENT_BYTES && std::str::from_utf8(&head).is_err() {
        let hint = charset::Hint {
            declared: task.charset.as_deref(),
            html: false,
        };
        match charset::decode(&head, hint) {
            Ok(text) => head = text.into_bytes(),
            Err(reason) => return visit(Err(task.failure(reason.into()))),
        }
    }
    let (delimiter, told) = dialect(&head, delimiter);
    let mut whole = Cursor::new(head).chain(reader);
    if told {
        whole.skip_until(b'\n')?;
    }
    rows(task, delimiter, whole, visit)
}

/// Tells the delimiter by a first line `sep=;`, as Excel writes it, and whether there is one; else by the first row.
fn dialect(head: &[u8], known: Option<u8>) -> (u8, bool) {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
    let line = line
        .strip_prefix(super::UTF8_MARK)
        .unwrap_or(line)
        .trim_ascii_end();
    if let Some([delimiter]) = line.strip_prefix(b"sep=") {
        return (*delimiter, true);
    }
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    let likely = [b'\t', b';', b',']
        .into_iter()
        .max_by_key(|delimiter| count(*delimiter));
    (known.or(likely).unwrap_or(b','), false)
}

fn rows(task: &Task, delimiter: u8, reader: impl Read, visit: Visit<'_>) -> io::Result<()> {
    let left = Cell::new(MAX_ROW_BYTES);
    let mut rows = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(Measured {
            reader,
            left: &left,
        });
    let header = match rows.byte_headers() {
        Ok(header) if header.len() > MAX_COLUMNS => {
            let reason = format!("has more than {MAX_COLUMNS} columns");
            return visit(Err(task.failure(reason.into())));
        }
        Ok(header) => names(header),
        Err(e) => return visit(Err(task.failure(reason(&e).into()))),
    };
    let mapped =
        header.iter().any(|name| name == text_field(task)) || task.options.fields.text.is_some();
    let mut row = ByteRecord::new();
    let mut number = 0u64;
    loop {
        number += 1;
        left.set(MAX_ROW_BYTES);
        let read = rows.read_byte_record(&mut row);
        let mut record = Record {
            id: format!("{}:{number}", task.id),
            place: format!("L{}", row.position().map_or(0, csv::Position::line)),
            bytes: &[],
        };
        match read {
            Ok(false) => return Ok(()),
            // Nothing comes after a stream that breaks.
            Err(e) => return record.tell(task, Err(reason(&e).into()), visit),
            Ok(true) => {}
        }
        let mut fields = match fields(&header, &row) {
            Ok(fields) => fields,
            Err(refusal) => {
                record.tell(task, Err(refusal), visit)?;
                continue;
            }
        };
        let canonical = Json::Object(fields.clone()).to_string();
        record.bytes = canonical.as_bytes();
        if !mapped {
            let text = described(task, &fields);
            fields.insert(text_field(task).to_owned(), Json::String(text));
        }
        let outcome = map(task, &record, &fields);
        record.tell(task, outcome, visit)?;
    }
}

/// Stops a row that does not end.
struct Measured<'a, R> {
    reader: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Measured<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => {
                return Err(io::Error::other(format!(
                    "has a row of more than {} MiB; is a quote left open?",
                    MAX_ROW_BYTES >> 20
                )));
            }
        }
        Ok(read)
    }
}

/// A table without a column for the text is its own text: every row says which column holds what.
fn described(task: &Task, fields: &Map<String, Json>) -> String {
    let wanted = &task.options.fields;
    let title = wanted.title.as_deref().unwrap_or("title");
    let lines = fields
        .iter()
        .filter(|(name, _)| *name != title)
        .filter_map(|(name, value)| {
            let value = value.as_str()?.trim();
            (!value.is_empty()).then(|| format!("{name}: {value}"))
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// Names each column. Of those with one name, the second and those after it get a number.
fn names(header: &ByteRecord) -> Vec<String> {
    let names =
        header
            .iter()
            .enumerate()
            .map(|(index, name)| match String::from_utf8_lossy(name).trim() {
                "" => format!("column_{}", index + 1),
                name => name.to_owned(),
            });
    let names: Vec<String> = names.collect();
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut numbered = Vec::with_capacity(names.len());
    for name in names {
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        let mut unique = name.clone();
        if *count > 1 {
            unique = format!("{name}_{count}");
            while !taken.insert(unique.clone()) {
                *count += 1;
                unique = format!("{name}_{count}");
            }
        }
        numbered.push(unique);
    }
    numbered
}

fn fields(header: &[String], row: &ByteRecord) -> Result<Map<String, Json>, Refusal> {
    let mut names = header.iter();
    let mut fields = Map::new();
    for value in row {
        let value = match std::str::from_utf8(value) {
            Ok(value) => value.to_owned(),
            Err(_) => charset::decode(
                value,
                charset::Hint {
                    declared: None,
                    html: false,
                },
            )?,
        };
        match names.next() {
            Some(name) => {
                fields.insert(name.clone(), Json::String(value));
            }
            None if value.trim().is_empty() => {}
            None => {
                return Err(format!(
                    "has more than the {} fields that the first row names; is a quote missing?",
                    header.len()
                )
                .into());
            }
        }
    }
    Ok(fields)
}

fn reason(e: &csv::Error) -> String {
    match e.kind() {
        csv::ErrorKind::Io(e) => e.to_string(),
        _ => format!("is no readable CSV: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{outcomes, task};
    use super::super::{Document, Failure};

    fn read(name: &str, file: &[u8]) -> Vec<Result<Document, Failure>> {
        outcomes(&task(name), file)
    }

    #[test]
    fn a_row_is_a_document_in_every_dialect() {
        let quoted = "id,title,text\r\n1,T,\"a, \"\"b\"\"\nc\"\r\n2,,d\r\n";
        let files = [
            ("a.csv", quoted.to_owned()),
            (
                "a.csv",
                format!(
                    "\u{FEFF}{}",
                    quoted
                        .replace("a, ", "a; ")
                        .replace(',', ";")
                        .replace("a; ", "a, ")
                ),
            ),
            (
                "a.csv",
                format!("sep=|\n{}", quoted.replace(',', "|").replace("a| ", "a, ")),
            ),
            ("a.tsv", quoted.replace(',', "\t").replace("a\t ", "a, ")),
        ];
        for (name, file) in files {
            let read = read(name, file.as_bytes());
            let texts: Vec<_> = read
                .iter()
                .map(|outcome| outcome.as_ref().unwrap().text.as_str())
                .collect();
            assert_eq!(texts, ["T a, \"b\"\nc", "d"], "{file}");
            assert_eq!(read[1].as_ref().unwrap().id, "2");
        }
        let latin1 = read("a.csv", b"text\nStra\xDFe und M\xFCnchen\n");
        assert_eq!(latin1[0].as_ref().unwrap().text, "Straße und München");
    }

    #[test]
    fn a_ragged_row_fails_alone_and_a_short_one_is_read() {
        let read = read("a.csv", b"id,text,note\na,one\nb,two,x,y\nc,three,x,,\n");
        let told: Vec<_> = read
            .iter()
            .map(|outcome| outcome.as_ref().map(|document| document.text.as_str()))
            .collect();
        assert_eq!((told[0], told[2]), (Ok("one"), Ok("three")));
        let failure = told[1].unwrap_err();
        assert_eq!(
            (failure.id.as_str(), failure.uri.as_str()),
            ("item:2", "docs/a.csv#L3")
        );
        assert!(
            failure.reason.contains("more than the 3 fields"),
            "{failure:?}"
        );
    }

    #[test]
    fn what_does_not_end_is_refused_by_the_name_of_its_limit() {
        let reason = |file: &[u8]| read("a.csv", file).pop().unwrap().unwrap_err().reason;
        let open = ["text\n\"", &"word\n".repeat(4 << 20)].concat();
        assert!(reason(open.as_bytes()).contains("more than 16 MiB; is a quote left open?"));
        assert_eq!(
            reason("a,".repeat(20_000).as_bytes()),
            "has more than 16384 columns"
        );
    }

    #[test]
    fn columns_of_one_name_are_numbered() {
        let read = read("a.csv", b"note,note,note_2,note,\na,b,c,d,e\n");
        assert_eq!(
            read[0].as_ref().unwrap().text,
            "note: a\nnote_3: b\nnote_2: c\nnote_4: d\ncolumn_5: e"
        );
    }

    #[test]
    fn a_table_without_a_text_column_says_which_column_holds_what() {
        let read = read("a.csv", b"host,,title,cores\nalpha,x,T, \n");
        assert_eq!(read[0].as_ref().unwrap().text, "T host: alpha\ncolumn_2: x");
    }
}
