//! What can go wrong, grouped by who is at fault.
//!
//! | error | at fault |
//! | --- | --- |
//! | [`Malformed`] | whoever wrote the bytes: they are not in the format, whatever the key |
//! | [`OpenError`] | the peer: the record is not for us, or not what its producer sealed |
//! | [`ReencryptError`] | the peer, or a proxy that chose the wrong re-encryption key |
//! | [`SealError`] | the caller |
//! | [`ConfigError`] | the configuration |
//!
//! Every error names public facts only. Opening tells apart "not for this key" and "altered", and
//! nothing finer: an oracle that told a wrong key from a wrong tag would help only an attacker.

use core::fmt;

use nucypher_pre::KeyId;

use crate::signature::{SignatureKind, SignerId};

/// Bytes that are not in the format: which field, where, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// The field, by its name in `docs/spec/envelope.md`.
    pub field: &'static str,
    /// Where the field begins, in bytes from the start of what was parsed; for a wrong length,
    /// where the bytes end or where those begin that should not be there.
    pub offset: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Malformed {
    pub(crate) const fn new(field: &'static str, offset: usize, why: &'static str) -> Self {
        Self { field, offset, why }
    }

    /// The same flaw, seen from `base` bytes earlier: for a structure inside a larger one.
    pub(crate) const fn within(self, base: usize) -> Self {
        Self { offset: self.offset.saturating_add(base), ..self }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed {} at offset {}: {}", self.field, self.offset, self.why)
    }
}

impl core::error::Error for Malformed {}

/// Why a record, or a file, does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The record carries no `nu.edek`: nobody claims to have sealed it.
    NotSealed,
    /// It is sealed, but for a key that is not in the ring: ask for a grant.
    NotGranted {
        /// The key that would open it.
        opening_id: KeyId,
    },
    /// It is for our key and it is not what was sealed: some part of it was changed, removed or
    /// moved here from elsewhere.
    Altered,
    /// Some part of it is not in the format.
    Malformed(Malformed),
    /// Decompression would exceed the configured cap.
    TooLarge,
    /// The channel requires signatures, and the record has no `nu.sig`.
    Unsigned,
    /// It is signed with a key that the channel does not list for this kind of signature.
    WrongSigner {
        /// The key that it names.
        signer: SignerId,
    },
    /// It is signed by a signer of the channel, in a kind that the channel does not accept: by
    /// session where each record must be, or the other way round where the gateway attests.
    WrongSignature {
        /// The kind that it has.
        kind: SignatureKind,
    },
    /// The signature is not the named signer's over this record: altered, or moved here.
    BadSignature,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealed => f.write_str("the record is not sealed"),
            Self::NotGranted { opening_id } => {
                write!(f, "not for this key: it opens with the key {opening_id}")
            }
            Self::Altered => f.write_str("altered since it was sealed"),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::TooLarge => f.write_str("larger than the configured cap after decompression"),
            Self::Unsigned => f.write_str("not signed, and the channel requires it"),
            Self::WrongSigner { signer } => {
                write!(f, "signed with the key {signer}, which is no signer of the channel")
            }
            Self::WrongSignature { kind } => {
                write!(f, "a signature of the kind {kind} is not what the channel requires")
            }
            Self::BadSignature => f.write_str("the signature is not the signer's over this record"),
        }
    }
}

impl core::error::Error for OpenError {}

impl From<Malformed> for OpenError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Why an EDEK cannot be re-encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReencryptError {
    /// It is under another key than the one from which the re-encryption key leads.
    NotForThisKey {
        /// The key that opens it now.
        opening_id: KeyId,
    },
    /// Its suite is not the re-encryption key's.
    SuiteMismatch,
    /// A non-interactive key re-encrypted it before: that is the last hop.
    LastHop,
    /// It is not in the format.
    Malformed(Malformed),
}

impl fmt::Display for ReencryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotForThisKey { opening_id } => {
                write!(f, "not under the delegator's key, but under {opening_id}")
            }
            Self::SuiteMismatch => f.write_str("the re-encryption key belongs to another suite"),
            Self::LastHop => f.write_str("re-encrypted by a non-interactive key before"),
            Self::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl core::error::Error for ReencryptError {}

impl From<Malformed> for ReencryptError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Why a record, or a file, cannot be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The plaintext, the record key or the topic is longer than its length field can say.
    TooLarge,
    /// The place is to be bound, and the record has none.
    NoPlace,
    /// The compression library refused the plaintext.
    Compression,
    /// There is no key for whole values: fields alone are sealed.
    NoKey,
    /// The protected fields of the value could not be sealed.
    #[cfg(feature = "fields")]
    Field(Box<crate::field::FieldError>),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "plaintext, record key or topic is too long to be sealed",
            Self::NoPlace => "sealing binds topic and partition, and the record has none",
            Self::Compression => "the plaintext could not be compressed",
            Self::NoKey => "there is no key for whole values: fields alone are sealed",
            #[cfg(feature = "fields")]
            Self::Field(error) => return error.fmt(f),
        })
    }
}

impl core::error::Error for SealError {}

#[cfg(feature = "fields")]
impl From<crate::field::FieldError> for SealError {
    fn from(error: crate::field::FieldError) -> Self {
        Self::Field(Box::new(error))
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is outside its range.
    OutOfRange {
        /// The setting.
        setting: &'static str,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// An opener without a key opens nothing.
    NoKey,
    /// Two keys with one id: the same key twice, or one key in two suites.
    DuplicateKey {
        /// The id.
        id: KeyId,
    },
    /// The compression library cannot be set up.
    Compression,
    /// Not a channel name: `[A-Za-z0-9._-]`, 1 to 249 of them.
    ChannelName,
    /// Not a selector of a field.
    #[cfg(feature = "fields")]
    Selector {
        /// The selector.
        selector: String,
        /// What is wrong with it.
        why: String,
    },
    /// The protected fields do not fit together.
    #[cfg(feature = "fields")]
    Field {
        /// What is wrong.
        why: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { setting, min, max } => {
                write!(f, "{setting} must be between {min} and {max}")
            }
            Self::NoKey => f.write_str("an opener needs at least one key"),
            Self::DuplicateKey { id } => write!(f, "the key {id} is there twice"),
            Self::Compression => f.write_str("the compression library cannot be set up"),
            Self::ChannelName => {
                f.write_str("a channel name is 1 to 249 of the characters A-Z a-z 0-9 . _ -")
            }
            #[cfg(feature = "fields")]
            Self::Selector { selector, why } => write!(f, "the selector {selector:?}: {why}"),
            #[cfg(feature = "fields")]
            Self::Field { why } => write!(f, "protected fields: {why}"),
        }
    }
}

impl core::error::Error for ConfigError {}
