//! Selectors: RFC 9535 JSONPath.
//!
//! Every JSONPath is parsed by the crate `serde_json_path`. Most are of a simple kind: names,
//! indexes, wildcards and descendants. Those run as a small [`Program`] while the document is
//! scanned, without a tree; the others (filters, slices, indexes from the end) are evaluated by that
//! crate over a tree of the document, and then looked up by their locations.
//! Specification: `docs/spec/fields.md`, "Selectors". Public.

use serde_json_path::JsonPath;

use super::Field;
use crate::error::ConfigError;

/// What a field selects.
#[derive(Clone, Debug)]
pub struct Selector {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A JSONPath that the scanner follows by itself.
    Simple(Vec<Step>),
    /// Any other JSONPath.
    General(Box<JsonPath>),
}

/// A segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// It applies to all descendants, not to children alone.
    pub(super) descend: bool,
    pub(super) picks: Vec<Pick>,
}

/// What a segment selects of an object or an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Name(Box<str>),
    Index(usize),
    Any,
}

impl Selector {
    /// The longest selector.
    pub const MAX_LEN: usize = 1024;

    /// Parses a JSONPath, `$…`.
    ///
    /// Errors: [`ConfigError::Selector`] says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = |why: String| ConfigError::Selector { selector: text.into(), why };
        if !(1..=Self::MAX_LEN).contains(&text.len()) || text.chars().any(char::is_control) {
            return Err(wrong("1 to 1024 bytes without control characters".into()));
        }
        if text.starts_with("tag:") || text.starts_with("property:") {
            return Err(wrong("tags and properties are Avro's, which is not there yet".into()));
        }
        if !text.starts_with('$') {
            return Err(wrong("a JSONPath begins with $".into()));
        }
        let path = JsonPath::parse(text).map_err(|error| wrong(error.to_string()))?;
        let kind = match simple(text) {
            Some(steps) => Kind::Simple(steps),
            None => Kind::General(Box::new(path)),
        };
        Ok(Self { text: text.into(), kind })
    }

    /// The selector as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Reads a path of the simple kind; `None` for any other. Requires: it is a JSONPath.
fn simple(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (descend, after) = match rest.strip_prefix("..") {
            Some(after) => (true, after),
            None => (false, rest.strip_prefix('.').unwrap_or(rest)),
        };
        let dotted = after.len() < rest.len();
        let picks;
        (picks, rest) = if let Some(list) = after.strip_prefix('[') {
            if dotted && !descend {
                return None;
            }
            bracketed(list)?
        } else if !dotted {
            return None;
        } else if let Some(after) = after.strip_prefix('*') {
            (vec![Pick::Any], after)
        } else {
            let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
            let end = after.find(|c: char| !named(c)).unwrap_or(after.len());
            let (name, after) = after.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            (vec![Pick::Name(name.into())], after)
        };
        steps.push(Step { descend, picks });
    }
    Some(steps)
}

/// Reads `'name', "name", 3, *` up to the bracket, and gives what follows it.
fn bracketed(mut rest: &str) -> Option<(Vec<Pick>, &str)> {
    let mut picks = Vec::new();
    loop {
        rest = rest.trim_start_matches(' ');
        let pick;
        (pick, rest) = match rest.chars().next()? {
            '*' => (Pick::Any, rest.get(1..)?),
            quote @ ('\'' | '"') => {
                let (name, after) = rest.get(1..)?.split_once(quote)?;
                if name.contains('\\') {
                    return None;
                }
                (Pick::Name(name.into()), after)
            }
            '0'..='9' => {
                let end = rest.find(|c: char| !c.is_ascii_digit())?;
                let (digits, after) = rest.split_at_checked(end)?;
                (Pick::Index(digits.parse().ok()?), after)
            }
            _ => return None,
        };
        picks.push(pick);
        rest = rest.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix(']') {
            return Some((picks, after));
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// The simple paths of all fields as one automaton, whose states are indexes of [`State`].
#[derive(Debug)]
pub(super) struct Program {
    pub(super) states: Vec<State>,
    /// Where each path begins, with the index of its field.
    pub(super) starts: Vec<(usize, usize)>,
    /// The other paths, each with the index of its field.
    pub(super) general: Vec<(JsonPath, usize)>,
}

/// What is to match next, or whose field has been reached.
#[derive(Debug)]
pub(super) enum State {
    Step(Step),
    Selected(usize),
}

impl Program {
    pub(super) fn new(fields: &[Field]) -> Self {
        let mut program = Self { states: Vec::new(), starts: Vec::new(), general: Vec::new() };
        for (index, field) in fields.iter().enumerate() {
            for selector in &field.selectors {
                match &selector.kind {
                    Kind::Simple(steps) => {
                        program.starts.push((program.states.len(), index));
                        program.states.extend(steps.iter().cloned().map(State::Step));
                        program.states.push(State::Selected(index));
                    }
                    Kind::General(path) => program.general.push(((**path).clone(), index)),
                }
            }
        }
        program
    }
}
