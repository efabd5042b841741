//! Why a batch could not be walked. The peer is at fault in every case: whoever stored the batch.

use std::fmt;

use super::batch::Codec;

/// What is wrong with a batch: the field, and where it begins.
///
/// `at` counts from where the caller said its bytes begin (a position in the frame), in a
/// compressed batch from the start of the decompressed records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The field reaches beyond the bytes that are there.
    #[error("{field} at byte {at} reaches beyond its end")]
    Truncated {
        /// The field.
        field: Field,
        /// Where it begins.
        at: usize,
    },
    /// A varint that does not end, or whose value exceeds its type.
    #[error("{field} at byte {at} is no varint of its size")]
    Varint {
        /// The field.
        field: Field,
        /// Where it begins.
        at: usize,
    },
    /// A length or count below zero (below -1 where -1 is null).
    #[error("{field} at byte {at} has a negative length")]
    Negative {
        /// The field.
        field: Field,
        /// Where the length stands.
        at: usize,
    },
    /// Bytes remain where the field should have ended.
    #[error("{field} ends at byte {at}, but more bytes follow")]
    TrailingBytes {
        /// The field.
        field: Field,
        /// Where it ends.
        at: usize,
    },
    /// Compression type 5, 6 or 7.
    #[error("compression type {0} is unknown")]
    UnknownCodec(u8),
    /// The payload is not what its codec writes.
    #[error("the payload is not valid {0}")]
    Undecodable(Codec),
    /// The payload decompresses to more than is allowed.
    #[error("decompressed, the {codec} payload exceeds {limit} bytes")]
    TooLarge {
        /// The codec.
        codec: Codec,
        /// What was allowed.
        limit: usize,
    },
}

/// A field of a record batch, in the words of `docs/spec/records.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names of the specification")]
pub enum Field {
    Records,
    RecordCount,
    RecordLength,
    RecordAttributes,
    TimestampDelta,
    OffsetDelta,
    Key,
    Value,
    HeaderCount,
    HeaderName,
    HeaderValue,
    Record,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Records => "records",
            Self::RecordCount => "record count",
            Self::RecordLength => "record length",
            Self::RecordAttributes => "record attributes",
            Self::TimestampDelta => "timestamp delta",
            Self::OffsetDelta => "offset delta",
            Self::Key => "record key",
            Self::Value => "record value",
            Self::HeaderCount => "header count",
            Self::HeaderName => "header name",
            Self::HeaderValue => "header value",
            Self::Record => "record",
        })
    }
}
