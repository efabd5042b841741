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
        }
    }
}

impl core::error::Error for Error {}

/// Checks a length and gives the array.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Length { expected: N, found: bytes.len() })
}
