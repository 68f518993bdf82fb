//! Filters: `field op literal`, `and or not`, parentheses. Parsed to a tree, checked against the table's columns, and pushed
//! down as an expression: nothing a user types becomes SQL.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lancedb::expr::{DfExpr, col, lit};

use crate::corpus::ColumnKind;
use crate::fault::{Fault, Kind};

/// A filter as it was typed, its fields not yet known to exist.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Both hold.
    And(Box<Self>, Box<Self>),
    /// One holds.
    Or(Box<Self>, Box<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A field compares so with a literal.
    Compare(String, Comparison, Literal),
    /// A field is one of these literals.
    In(String, Vec<Literal>),
}

/// How a field compares with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `like`, with `%` for any characters and `_` for one.
    Like,
}

/// A literal value.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text in single or double quotes; the quote doubled stands for itself.
    Text(String),
}

/// A filter that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// It does not follow the grammar.
    #[error("filter: expected {expected} at `{}`", if rest.is_empty() { "the end" } else { rest })]
    Syntax {
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        rest: String,
    },
    /// It names a column that there is not.
    #[error("filter: there is no field `{field}`")]
    UnknownField {
        /// The name.
        field: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A field is compared with a literal of another type.
    #[error("filter: `{field}` is {kind}, which does not compare with {literal}")]
    Type {
        /// The field.
        field: String,
        /// Its type.
        kind: ColumnKind,
        /// The literal.
        literal: String,
    },
}

impl Fault for FilterError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Syntax { .. } => {
                "For example: product = 'search' and (year >= 2024 or not lang in ('de', 'fr'))."
                    .into()
            }
            Self::UnknownField { field, known } => {
                let close = known.iter().max_by(|a, b| {
                    strsim::jaro_winkler(field, a).total_cmp(&strsim::jaro_winkler(field, b))
                });
                let close = close.filter(|name| strsim::jaro_winkler(field, name) > 0.8);
                let meant = close
                    .map(|name| format!("Did you mean `{name}`? "))
                    .unwrap_or_default();
                format!("{meant}The fields are: {}.", known.join(", "))
            }
            Self::Type { .. } => "Text stands in quotes, numbers and true or false do not.".into(),
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "'{value}'"),
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parser = Parser {
            rest: text.trim_start(),
            depth: 0,
        };
        let filter = parser.any()?;
        match parser.rest.is_empty() {
            true => Ok(filter),
            false => parser.fail("`and`, `or` or the end"),
        }
    }
}

/// Parentheses and `not` within each other.
const MAX_DEPTH: usize = 64;

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, expected: &'static str) -> Result<T, FilterError> {
        Err(FilterError::Syntax {
            expected,
            rest: self.rest.chars().take(40).collect(),
        })
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default().trim_start();
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.rest.starts_with(symbol);
        if found {
            self.skip(symbol.len());
        }
        found
    }

    fn word(&self) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        self.rest.get(..end).unwrap_or_default()
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(keyword);
        if found {
            self.skip(keyword.len());
        }
        found
    }

    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.all()?;
        while self.keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.one()?;
        while self.keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("less nesting");
        }
        let filter = if self.keyword("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.symbol("(") {
            let inner = self.any()?;
            if !self.symbol(")") {
                return self.fail("`)`");
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, FilterError> {
        let field = self.word().to_owned();
        if field.is_empty() {
            return self.fail("a field");
        }
        self.skip(field.len());
        if self.keyword("in") {
            return self.list().map(|list| Filter::In(field, list));
        }
        const SYMBOLS: [(&str, Comparison); 6] = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let comparison = match SYMBOLS.iter().find(|(symbol, _)| self.symbol(symbol)) {
            Some((_, comparison)) => *comparison,
            None if self.keyword("like") => Comparison::Like,
            None => return self.fail("one of = != < <= > >= in like"),
        };
        Ok(Filter::Compare(field, comparison, self.literal()?))
    }

    fn list(&mut self) -> Result<Vec<Literal>, FilterError> {
        if !self.symbol("(") {
            return self.fail("`(`");
        }
        let mut list = vec![self.literal()?];
        while self.symbol(",") {
            list.push(self.literal()?);
        }
        match self.symbol(")") {
            true => Ok(list),
            false => self.fail("`,` or `)`"),
        }
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        if let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            return self.quoted(quote);
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
            .unwrap_or(self.rest.len());
        let text = self.rest.get(..end).unwrap_or_default();
        let literal = match text.to_ascii_lowercase().as_str() {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            _ => match (text.parse(), text.parse::<f64>()) {
                (Ok(number), _) => Literal::Integer(number),
                (_, Ok(number)) if number.is_finite() => Literal::Float(number),
                _ => return self.fail("a quoted text, a number, true or false"),
            },
        };
        self.skip(end);
        Ok(literal)
    }

    fn quoted(&mut self, quote: char) -> Result<Literal, FilterError> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                text.push(c);
            } else if chars.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.skip(at + 1);
                return Ok(Literal::Text(text));
            }
        }
        self.fail("a closing quote")
    }
}

impl Filter {
    /// Checks the filter against a table's columns and returns the expression that is pushed down.
    pub(super) fn bind(
        &self,
        columns: &BTreeMap<String, ColumnKind>,
    ) -> Result<DfExpr, FilterError> {
        let known = |field: &str| {
            let unknown = || FilterError::UnknownField {
                field: field.to_owned(),
                known: columns.keys().cloned().collect(),
            };
            columns.get(field).copied().ok_or_else(unknown)
        };
        Ok(match self {
            Self::And(left, right) => left.bind(columns)?.and(right.bind(columns)?),
            Self::Or(left, right) => left.bind(columns)?.or(right.bind(columns)?),
            Self::Not(inner) => !inner.bind(columns)?,
            Self::In(field, list) => {
                let kind = known(field)?;
                let list = list
                    .iter()
                    .map(|literal| literal.bind(field, kind))
                    .collect::<Result<_, _>>()?;
                col(field).in_list(list, false)
            }
            Self::Compare(field, comparison, literal) => {
                let kind = known(field)?;
                let (left, right) = (col(field), literal.bind(field, kind)?);
                match comparison {
                    Comparison::Equal => left.eq(right),
                    Comparison::NotEqual => left.not_eq(right),
                    Comparison::Less => left.lt(right),
                    Comparison::LessOrEqual => left.lt_eq(right),
                    Comparison::Greater => left.gt(right),
                    Comparison::GreaterOrEqual => left.gt_eq(right),
                    Comparison::Like if kind == ColumnKind::Text => left.like(right),
                    Comparison::Like => {
                        return Err(FilterError::Type {
                            field: field.clone(),
                            kind,
                            literal: format!("like {literal}"),
                        });
                    }
                }
            }
        })
    }
}

impl Literal {
    /// Returns the literal in the field's type.
    fn bind(&self, field: &str, kind: ColumnKind) -> Result<DfExpr, FilterError> {
        Ok(match (self, kind) {
            (Self::Boolean(value), ColumnKind::Boolean) => lit(*value),
            (Self::Integer(value), ColumnKind::Integer) => lit(*value),
            (Self::Integer(value), ColumnKind::Float) => lit(*value as f64),
            (Self::Float(value), ColumnKind::Float | ColumnKind::Integer) => lit(*value),
            (Self::Text(value), ColumnKind::Text) => lit(value.clone()),
            _ => {
                return Err(FilterError::Type {
                    field: field.to_owned(),
                    kind,
                    literal: self.to_string(),
                });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> BTreeMap<String, ColumnKind> {
        [
            ("lang", ColumnKind::Text),
            ("year", ColumnKind::Integer),
            ("draft", ColumnKind::Boolean),
            ("weight", ColumnKind::Float),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .into()
    }

    fn bound(text: &str) -> String {
        text.parse::<Filter>()
            .and_then(|filter| filter.bind(&columns()))
            .map_or_else(|e| format!("{e}"), |expr| expr.to_string())
    }

    #[test]
    fn and_binds_tighter_than_or_and_quotes_escape_themselves() {
        assert_eq!(
            bound("year >= 2024 or lang = 'it''s' AND not draft = true"),
            bound("year>=2024 or (lang='it''s' and (not draft=true))")
        );
        assert!(
            matches!("lang = 'it''s'".parse(), Ok(Filter::Compare(_, _, Literal::Text(text))) if text == "it's")
        );
        assert!(bound("lang in ('de', \"fr\") and weight < 1.5").contains("IN"));
    }

    #[test]
    fn a_literal_stays_a_value_whatever_it_says() {
        let hostile = "x'; drop table chunks; --";
        let filter: Filter = format!("lang = '{}'", hostile.replace('\'', "''"))
            .parse()
            .unwrap();
        assert_eq!(
            filter,
            Filter::Compare(
                "lang".into(),
                Comparison::Equal,
                Literal::Text(hostile.into())
            )
        );
    }

    #[test]
    fn mistakes_say_what_is_wrong() {
        for (text, message) in [
            ("lnag = 'de'", "no field `lnag`"),
            ("year = 'x'", "does not compare"),
            ("year like '%'", "does not compare"),
            ("lang = ", "expected a quoted text"),
            ("lang = 'de' lang = 'fr'", "or the end"),
            ("(lang = 'de'", "expected `)`"),
            ("lang = 'de", "closing quote"),
            ("", "expected a field"),
        ] {
            assert!(bound(text).contains(message), "{text}: {}", bound(text));
        }
        assert!("(".repeat(100_000).parse::<Filter>().is_err());
    }
}
