//! A tree of a JSON document, for the selectors that are not simple.
//!
//! Built here and not by serde_json, which refuses numbers beyond a double and takes the last of
//! duplicate names. A number that no double holds is the largest that one does: it is only
//! compared, never written.

use serde_json::{Map, Number, Value};

use super::{
    FieldError, MAX_DEPTH,
    lexer::{self, flaw},
    scan::{Selection, scan},
};
use crate::error::Malformed;

/// Builds the tree of a document.
///
/// Errors: not JSON; a duplicate name anywhere, since a filter may look anywhere.
/// Cost: an allocation for each value and name, several times that of scanning.
pub(super) fn tree(document: &[u8]) -> Result<Value, FieldError> {
    scan(document, &Selection::nothing(), 0)?;
    let mut reader = Reader { text: document, at: 0 };
    reader.value(0)
}

/// Reads what [`scan`] accepted.
struct Reader<'d> {
    text: &'d [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn string(&mut self) -> Result<String, Malformed> {
        let string = lexer::string(self.text, self.at + 1)?;
        self.at = string.end + 1;
        Ok(string.decode(self.text).into_owned())
    }

    fn value(&mut self, depth: usize) -> Result<Value, FieldError> {
        if depth > MAX_DEPTH {
            return Err(flaw(self.at, "nested too deeply").into());
        }
        let word = |reader: &mut Self, len, value| {
            reader.at += len;
            Ok(value)
        };
        match self.next() {
            Some(b'{') => {
                self.at += 1;
                let mut members = Map::new();
                while self.next() == Some(b'"') {
                    let name = self.string()?;
                    let value = self.value(depth + 1)?;
                    if members.contains_key(&name) {
                        let mut path = String::from("/");
                        super::scan::write_name(&name, &mut path);
                        return Err(FieldError::Duplicate { path });
                    }
                    members.insert(name, value);
                }
                word(self, 1, Value::Object(members))
            }
            Some(b'[') => {
                self.at += 1;
                let mut elements = Vec::new();
                while self.next().is_some_and(|byte| byte != b']') {
                    elements.push(self.value(depth + 1)?);
                }
                word(self, 1, Value::Array(elements))
            }
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => word(self, 4, Value::Bool(true)),
            Some(b'f') => word(self, 5, Value::Bool(false)),
            Some(b'n') => word(self, 4, Value::Null),
            _ => {
                let end = lexer::number(self.text, self.at)?;
                let digits = self.text.get(self.at..end).unwrap_or_default();
                self.at = end;
                Ok(Value::Number(number(core::str::from_utf8(digits).unwrap_or("0"))))
            }
        }
    }
}

fn number(digits: &str) -> Number {
    if let Ok(whole) = digits.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.into();
    }
    let nearest = digits.parse::<f64>().unwrap_or(0.0).clamp(f64::MIN, f64::MAX);
    Number::from_f64(nearest).unwrap_or(0.into())
}
