//! What can go wrong with the fields of a value, and where.

use core::fmt;

use nucypher_pre::KeyId;

use crate::error::{Malformed, OpenError};

/// Why the fields of a value were not sealed, or not opened. A path is an RFC 6901 JSON Pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// The value is not in its format: not JSON, or not the Avro of its schema.
    Malformed(Malformed),
    /// A name is there twice in an object that a selector looks into.
    Duplicate {
        /// The member.
        path: String,
    },
    /// A selected value is or holds what another sealer sealed.
    AlreadySealed {
        /// The selected value.
        path: String,
    },
    /// The record has an EDEK for every slot that was to be added.
    NothingToAdd,
    /// Nothing is sealed under the slot of a required field.
    Missing {
        /// The field's name.
        field: String,
    },
    /// More than 65536 values are selected.
    TooMany,
    /// A value or a path is longer than its length field can say.
    TooLarge,
    /// There is clear text at a protected path.
    Clear {
        /// Where.
        path: String,
        /// The field's name.
        field: String,
    },
    /// A field is sealed for a key that is not in the ring, and the policy makes that an error.
    NotGranted {
        /// Where.
        path: String,
        /// The key that would open it.
        opening_id: KeyId,
    },
    /// A field is not what was sealed there: changed, moved, or of another record.
    Altered {
        /// Where.
        path: String,
    },
    /// What is at fault is the record, not a field.
    Record(OpenError),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Duplicate { path } => {
                write!(f, "field {path}: the name is there twice, on a protected path")
            }
            Self::AlreadySealed { path } => {
                write!(f, "field {path}: it is, or holds, what was sealed before")
            }
            Self::NothingToAdd => {
                f.write_str("the record is sealed already under every slot that was to be added")
            }
            Self::Missing { field } => {
                write!(f, "the required field {field} is not there: its selectors match nothing")
            }
            Self::TooMany => f.write_str("more than 65536 values are selected"),
            Self::TooLarge => f.write_str("a selected value or its path is too long"),
            Self::Clear { path, field } => {
                write!(f, "field {path}: clear text where {field} is protected")
            }
            Self::NotGranted { path, opening_id } => {
                write!(f, "field {path}: not for this key: it opens with the key {opening_id}")
            }
            Self::Altered { path } => {
                write!(f, "field {path}: altered, or moved here from elsewhere")
            }
            Self::Record(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for FieldError {}

impl From<Malformed> for FieldError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<OpenError> for FieldError {
    fn from(error: OpenError) -> Self {
        Self::Record(error)
    }
}
