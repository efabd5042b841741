//! Signatures: who sealed a record. The header `nu.sig`, Ed25519 (RFC 8032), verified strictly.
//!
//! | kind | made | proves |
//! | --- | --- | --- |
//! | session | once for all records of a session | the DEK is the producer's: who lacks it forges nothing |
//! | record | for each record | the record is the producer's, against other readers too |
//! | attested | for each record, by a gateway that verified the producer's | the gateway vouches |
//!
//! A sealer signs as its [`Signing`] says; a consumer and a gateway verify against the channel's
//! [`Signers`]. Signed is what no re-encryption changes, so a signature survives it.
//! Specification: `docs/spec/envelope.md`, "Signatures". Secret: the signing key.
//! Cost: a signature is one fixed-base multiplication, a verification one double multiplication.

mod key;
mod signer;
mod signers;

use core::fmt;

use sha2::{Digest, Sha256};

use crate::{
    binding::ChannelName,
    error::Malformed,
    header::EdekHeader,
    limits::SIGNATURE_LEN,
    wire::{RECORD_SIGNATURE_LABEL, SESSION_SIGNATURE_LABEL, SIGNATURE_HEADER},
};

pub use key::{SignerId, SigningKey, VerifyingKey, WeakKey};
pub(crate) use signer::Signer;
pub use signer::Signing;
pub use signers::{RequiredSignature, Signers, VerifiedSigner};

/// What a signature is over, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureKind {
    /// The session, by its producer.
    Session,
    /// The record, by its producer.
    Record,
    /// The record, by the channel's key: a gateway verified the producer's.
    Attested,
}

impl SignatureKind {
    const fn as_byte(self) -> u8 {
        match self {
            Self::Session => 1,
            Self::Record => 2,
            Self::Attested => 3,
        }
    }
}

impl fmt::Display for SignatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session => "session",
            Self::Record => "record",
            Self::Attested => "attested",
        })
    }
}

/// A `nu.sig` header that is in the format; whether it is good shows only on verifying.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    kind: SignatureKind,
    bytes: [u8; SIGNATURE_LEN],
}

impl Signature {
    /// Parses exactly 73 bytes.
    ///
    /// Errors: another length, another version than 1, 2 or 3.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let Ok(bytes) = <[u8; SIGNATURE_LEN]>::try_from(bytes) else {
            return Err(Malformed::new(SIGNATURE_HEADER, bytes.len(), "not 73 bytes"));
        };
        let [version, ..] = bytes;
        let kind = match version {
            1 => SignatureKind::Session,
            2 => SignatureKind::Record,
            3 => SignatureKind::Attested,
            _ => return Err(Malformed::new(SIGNATURE_HEADER, 0, "the version is not 1, 2 or 3")),
        };
        Ok(Self { kind, bytes })
    }

    /// Signs a session: the immutable parts of its EDEKs.
    pub fn session(key: &SigningKey, channel: &ChannelName, edeks: &EdekHeader<'_>) -> Self {
        Self::make(SignatureKind::Session, key, channel, edeks, None, None)
    }

    /// Signs a record: its EDEKs, its value and its key as they are stored.
    pub fn record(
        key: &SigningKey,
        channel: &ChannelName,
        edeks: &EdekHeader<'_>,
        record_key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Self {
        Self::make(SignatureKind::Record, key, channel, edeks, record_key, value)
    }

    /// Signs a record with the channel's key, in the place of a producer's signature.
    ///
    /// Requires: the producer's signature was verified. The caller vouches for it.
    pub fn attest(
        key: &SigningKey,
        channel: &ChannelName,
        edeks: &EdekHeader<'_>,
        record_key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Self {
        Self::make(SignatureKind::Attested, key, channel, edeks, record_key, value)
    }

    fn make(
        kind: SignatureKind,
        key: &SigningKey,
        channel: &ChannelName,
        edeks: &EdekHeader<'_>,
        record_key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Self {
        let mut signature = Self { kind, bytes: [0; SIGNATURE_LEN] };
        signature.bytes[0] = kind.as_byte();
        signature.bytes[1..9].copy_from_slice(key.id().as_bytes());
        let signed = signature.signed(channel, edeks, record_key, value);
        signature.bytes[9..].copy_from_slice(&key.sign(&signed));
        signature
    }

    /// What it is over.
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The id of the key that it names.
    pub const fn signer(&self) -> SignerId {
        let [_, a, b, c, d, e, f, g, h, ..] = self.bytes;
        SignerId::from_bytes([a, b, c, d, e, f, g, h])
    }

    /// The 73 bytes.
    pub const fn as_bytes(&self) -> &[u8; SIGNATURE_LEN] {
        &self.bytes
    }

    /// Verifies strictly: no small order, no non-canonical encodings. That the key is one which may
    /// sign here is for [`Signers`] to say.
    ///
    /// Cost: one double multiplication.
    #[must_use]
    pub fn verifies(
        &self,
        key: &VerifyingKey,
        channel: &ChannelName,
        edeks: &EdekHeader<'_>,
        record_key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> bool {
        let Some(signature) = self.bytes.last_chunk() else { return false };
        key.id() == self.signer()
            && key.verifies(&self.signed(channel, edeks, record_key, value), signature)
    }

    /// What is signed: label, kind and signer; channel; EDEKs; for a record also value and key.
    pub(crate) fn signed(
        &self,
        channel: &ChannelName,
        edeks: &EdekHeader<'_>,
        record_key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Vec<u8> {
        let session = self.kind == SignatureKind::Session;
        let label = if session { SESSION_SIGNATURE_LABEL } else { RECORD_SIGNATURE_LABEL };
        let channel = channel.as_str().as_bytes();
        let mut signed = Vec::with_capacity(200 + channel.len());
        signed.extend_from_slice(label);
        signed.extend(self.bytes.iter().take(9));
        // 249 and 255 are the most.
        signed.extend(u16::try_from(channel.len()).unwrap_or(u16::MAX).to_be_bytes());
        signed.extend_from_slice(channel);
        signed.push(u8::try_from(edeks.iter().len()).unwrap_or(u8::MAX));
        if session {
            signed.extend(edeks.iter().flat_map(|edek| edek.immutable_part()));
            return signed;
        }
        let mut parts = Sha256::new();
        edeks.iter().for_each(|edek| parts.update(edek.immutable_part()));
        signed.extend_from_slice(&parts.finalize());
        for part in [value, record_key] {
            signed.push(u8::from(part.is_some()));
            signed.extend_from_slice(&Sha256::digest(part.unwrap_or_default()));
        }
        signed
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}, by {})", self.kind, self.signer())
    }
}
