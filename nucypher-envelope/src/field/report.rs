//! What became of each protected field, and what the reader wants done with those it cannot open.

use nucypher_pre::KeyId;

/// What to do with a field that this reader was not granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotGranted {
    /// Leave it sealed.
    #[default]
    Keep,
    /// Take it out: the member of its object, the element of its array.
    Remove,
    /// Put null in its place.
    Null,
    /// Refuse the record.
    Error,
}

/// What to do with clear text at a protected path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearText {
    /// Refuse the record: whoever can write to the topic could otherwise put text there.
    #[default]
    Error,
    /// Take it, and report it: while producers are being converted.
    Accept,
}

/// What became of a protected field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldState {
    /// It was sealed and is open.
    Opened,
    /// It was clear, which the policy accepts.
    Clear,
    /// It is sealed for another key.
    NotGranted {
        /// The key that would open it.
        opening_id: KeyId,
    },
}

/// One protected value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldReport {
    /// Where it stands, as an RFC 6901 JSON Pointer.
    pub path: String,
    /// Its slot.
    pub slot: u8,
    /// What became of it.
    pub state: FieldState,
}
