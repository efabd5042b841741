//! What can go wrong: small, `Copy`, without allocation and without secrets.

use core::fmt;

/// An error of this crate. Every variant names public facts only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A byte string has the wrong length.
    Length {
        /// The length required, in bytes.
        expected: usize,
        /// The length found, in bytes.
        found: usize,
    },
    /// 33 bytes that do not begin with 2 or 3, have x >= p, or an x that is on no point of the curve.
    NotOnCurve,
    /// A scalar that is zero or not below the group order n.
    ScalarRange,
    /// The two keys of an operation belong to different suites.
    SuiteMismatch,
    /// Delegator and delegatee are the same key.
    SelfDelegation,
    /// The re-encryption key does not lead from its delegator to its target.
    KeyMismatch,
    /// A label (channel, field, producer) is longer than 65 535 bytes.
    LabelTooLong,
    /// A hash gave the scalar zero (probability 2^-256): draw again.
    ZeroHash,
    /// The version, suite or state in an encoding is none of this crate's.
    Unsupported {
        /// The field.
        field: &'static str,
    },
    /// The points add up to the identity, which is neither a message nor a capsule.
    Identity,
    /// A byte string is longer than ElGamal encryption takes.
    MessageLength {
        /// The limit, in bytes.
        limit: usize,
        /// The length found, in bytes.
        found: usize,
    },
    /// A group element, or a row of them, is not the encoding of a byte string.
    MessageEncoding,
    /// A number of factors below 2, or not 2 <= threshold <= number of shares.
    Threshold,
    /// The index of a share or fragment is zero or above the number of shares.
    ShareIndex {
        /// The index found.
        found: u8,
    },
    /// Two fragments have one index.
    DuplicateIndex {
        /// The index.
        index: u8,
    },
    /// Fewer fragments than the threshold.
    TooFewFragments {
        /// The threshold.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// A key share is not the one to which its sharing is committed.
    ShareMismatch,
    /// A fragment was verified for another sharing or another capsule.
    FragmentMismatch,
    /// A proof does not hold for the statement that it came with.
    Proof,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => {
                write!(f, "expected {expected} bytes, found {found}")
            }
            Self::NotOnCurve => {
                f.write_str("not a compressed point of secp256k1 (SEC 1, 33 bytes)")
            }
            Self::ScalarRange => f.write_str("scalar is zero or not below the group order"),
            Self::SuiteMismatch => f.write_str("the keys belong to different suites"),
            Self::SelfDelegation => f.write_str("a key cannot delegate to itself"),
            Self::KeyMismatch => {
                f.write_str("the re-encryption key does not lead from its delegator to its target")
            }
            Self::LabelTooLong => f.write_str("a label is longer than 65535 bytes"),
            Self::ZeroHash => f.write_str("a hash gave zero; draw again"),
            Self::Unsupported { field } => write!(f, "unsupported {field}"),
            Self::Identity => f.write_str("the result is the identity"),
            Self::MessageLength { limit, found } => {
                write!(f, "a message has at most {limit} bytes, found {found}")
            }
            Self::MessageEncoding => f.write_str("not the encoding of a byte string"),
            Self::Threshold => {
                f.write_str("wanted: two factors or more, or 2 <= threshold <= shares")
            }
            Self::ShareIndex { found } => write!(f, "there is no share with index {found}"),
            Self::DuplicateIndex { index } => write!(f, "two fragments have index {index}"),
            Self::TooFewFragments { needed, found } => {
                write!(f, "{needed} fragments are needed, found {found}")
            }
            Self::ShareMismatch => {
                f.write_str("the key share is not the one its sharing is committed to")
            }
            Self::FragmentMismatch => {
                f.write_str("the fragment belongs to another sharing or another capsule")
            }
            Self::Proof => f.write_str("the proof does not hold"),
        }
    }
}

impl core::error::Error for Error {}

/// Checks a length and gives the array.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Length { expected: N, found: bytes.len() })
}
