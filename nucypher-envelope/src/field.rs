//! Protected fields: parts of a JSON document that are sealed each under a slot of its own.
//!
//! A [`Field`] is a slot, a name and selectors; [`ProtectedFields`] are those of a channel. A sealer
//! that is [configured](crate::SealerConfig::fields) with them replaces what they select by tokens;
//! [`Opener::open_fields`](crate::Opener::open_fields) puts back what was granted and reports on
//! each. Values in other formats are refused.
//!
//! Reading order: `selector` says what is selected; `lexer` and `scan` find it in the bytes of a
//! JSON document; `token` is what stands in its place; `session` seals; `splice` writes; `open` opens.
//! Specification: `docs/spec/fields.md`. Secret: the texts of the fields.

mod error;
mod json;
mod lexer;
mod open;
mod report;
mod scan;
mod seal;
mod selector;
mod session;
mod splice;
mod token;

pub use error::FieldError;
pub use open::{FieldPolicy, OpenedRecord};
pub use report::{ClearText, FieldReport, FieldState, NotGranted};
pub use seal::{FieldKey, FieldSealing};
pub use selector::Selector;
pub use token::{Token, tokens};

pub(crate) use seal::FieldSealer;

use crate::{edek::WHOLE_VALUE, error::ConfigError};
use selector::Program;

/// The deepest nesting of arrays and objects in a document.
pub const MAX_DEPTH: usize = 512;
/// Fields of one record that can be sealed: a token index is a u16.
pub const MAX_TOKENS: usize = 1 << 16;

/// A protected field, or group of fields: what is selected is sealed under its slot.
#[derive(Clone, Debug)]
pub struct Field {
    slot: u8,
    name: Box<str>,
    required: bool,
    selectors: Vec<Selector>,
}

impl Field {
    /// A field with its slot and selectors; none need match.
    ///
    /// Errors: slot 0, which is the whole value; no selector; a selector that is none.
    pub fn new<S: AsRef<str>>(
        slot: u8,
        name: &str,
        selectors: impl IntoIterator<Item = S>,
    ) -> Result<Self, ConfigError> {
        let selectors = selectors
            .into_iter()
            .map(|selector| Selector::parse(selector.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if slot == WHOLE_VALUE {
            return Err(ConfigError::Field { why: "slot 0 is the whole value; take 1 to 255" });
        }
        if selectors.is_empty() {
            return Err(ConfigError::Field { why: "a field needs at least one selector" });
        }
        Ok(Self { slot, name: name.into(), required: false, selectors })
    }

    /// Says that a record in which nothing is sealed under this slot is an error.
    #[must_use]
    pub fn required(self, required: bool) -> Self {
        Self { required, ..self }
    }

    /// The slot, 1 to 255.
    pub fn slot(&self) -> u8 {
        self.slot
    }

    /// The name, by which grants are made.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether every record must hold it.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// What it selects.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }
}

/// The protected fields of a channel, ascending by slot, prepared for matching.
///
/// Where two select one value, the lower slot has it; where one selects an ancestor of what
/// another selects, the ancestor is sealed whole.
#[derive(Debug)]
pub struct ProtectedFields {
    fields: Vec<Field>,
    program: Program,
}

impl ProtectedFields {
    /// Sorts and prepares the fields.
    ///
    /// Errors: none at all; two with one slot.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Result<Self, ConfigError> {
        let mut fields: Vec<Field> = fields.into_iter().collect();
        fields.sort_by_key(|field| field.slot);
        if fields.is_empty() {
            return Err(ConfigError::Field { why: "there is no field" });
        }
        if fields.windows(2).any(|pair| matches!(pair, [a, b] if a.slot == b.slot)) {
            return Err(ConfigError::Field { why: "two fields have one slot" });
        }
        let program = Program::new(&fields);
        Ok(Self { fields, program })
    }

    /// The fields, ascending by slot.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Field> {
        self.fields.iter()
    }

    /// The field of a slot.
    pub fn find(&self, slot: u8) -> Option<&Field> {
        self.fields.iter().find(|field| field.slot == slot)
    }

    fn at(&self, index: usize) -> Option<&Field> {
        self.fields.get(index)
    }
}

#[cfg(test)]
mod tests;
