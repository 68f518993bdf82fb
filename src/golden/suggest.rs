//! Golden queries that people can begin with: the headings and titles of a version's own documents.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::index::{Error, Table};

/// Words that a heading has at least to be a question.
const LEAST_WORDS: usize = 2;

/// A line of `golden.jsonl`, to be edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// What is asked: a heading, with the title where the heading does not say it.
    pub query: String,
    /// The document's id.
    pub expect: Vec<String>,
    /// The source.
    pub tag: String,
}

/// Proposes at most `count` questions, spread over the documents. A heading that several documents have is no question.
pub fn suggest(table: &Table, count: usize) -> Result<Vec<Suggestion>, Error> {
    let mut documents: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut owners: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    table.each_chunk(|chunk| {
        let heading = chunk.heading.and_then(|path| path.rsplit(" > ").next());
        if let Some(question) = question(chunk.title, heading) {
            let key = (chunk.source.to_owned(), chunk.doc_id.to_owned());
            owners
                .entry(question.to_lowercase())
                .or_default()
                .insert(format!("{}/{}", key.0, key.1));
            let questions = documents.entry(key).or_default();
            if !questions.contains(&question) {
                questions.push(question);
            }
        }
        Ok::<_, Error>(())
    })?;
    let is_own = |question: &String| {
        let owners = owners.get(&question.to_lowercase());
        owners.is_some_and(|owners| owners.len() == 1)
    };
    let mut suggestions = Vec::new();
    for round in 0.. {
        let mut is_last = true;
        for ((source, id), questions) in &documents {
            let Some(question) = questions
                .iter()
                .filter(|question| is_own(question))
                .nth(round)
            else {
                continue;
            };
            is_last = false;
            suggestions.push(Suggestion {
                query: question.clone(),
                expect: vec![id.clone()],
                tag: source.clone(),
            });
        }
        if is_last || suggestions.len() >= count {
            break;
        }
    }
    // More documents than questions: every so many-th of them is asked about.
    let step = suggestions.len().div_ceil(count.max(1)).max(1);
    Ok(suggestions.into_iter().step_by(step).take(count).collect())
}

/// The question that a heading asks, or a title where there is no heading.
fn question(title: Option<&str>, heading: Option<&str>) -> Option<String> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (title, heading) = (title.map(plain), heading.map(plain));
    let question = match (title, heading) {
        (Some(title), Some(heading)) if heading != title && !heading.contains(&title) => {
            format!("{title}: {heading}")
        }
        (_, Some(heading)) => heading,
        (Some(title), None) => title,
        (None, None) => return None,
    };
    (question.split(' ').count() >= LEAST_WORDS).then_some(question)
}

#[cfg(test)]
mod tests {
    use super::question;

    #[test]
    fn a_question_is_a_heading_with_its_title() {
        let ask = |title, heading| question(title, heading);
        assert_eq!(ask(Some("uv"), Some("Cache")).as_deref(), Some("uv: Cache"));
        assert_eq!(
            ask(Some("The cache"), Some("The  cache of uv")).as_deref(),
            Some("The cache of uv")
        );
        assert_eq!(ask(Some("The cache"), None).as_deref(), Some("The cache"));
        assert_eq!(ask(None, Some("Cache")), None);
        assert_eq!(ask(None, None), None);
    }
}
