//! A channel's rule for signatures: what is required, and whose count.
//!
//! Consumers and the gateway ask it. A session signature is verified once and remembered, bounded;
//! what failed is not remembered, so that nobody fills the memory with rubbish.

use core::fmt;
use std::collections::HashMap;

use quick_cache::sync::Cache;

use super::{Signature, SignatureKind, SignerId, VerifyingKey};
use crate::{
    binding::ChannelName, error::OpenError, header::EdekHeader, limits::VERIFIED_SESSIONS,
};

/// The weakest signature that a channel accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequiredSignature {
    /// None: what signers of the channel signed is verified all the same.
    #[default]
    None,
    /// A producer's, of its session or of the record.
    Session,
    /// A producer's, of the record.
    Record,
    /// The channel's: the gateway verified the producer's.
    Attested,
}

/// Whose signature was verified, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedSigner {
    /// The kind of signature.
    pub kind: SignatureKind,
    /// The signer's key.
    pub signer: SignerId,
}

/// The signers of a channel, and what they must have signed.
pub struct Signers {
    channel: ChannelName,
    required: RequiredSignature,
    producers: HashMap<SignerId, VerifyingKey>,
    attesters: HashMap<SignerId, VerifyingKey>,
    /// Signature and EDEKs' immutable parts, joined.
    sessions: Cache<Box<[u8]>, ()>,
}

impl Signers {
    /// A rule without signers: where a signature is required, nothing passes yet.
    pub fn new(channel: ChannelName, required: RequiredSignature) -> Self {
        Self {
            channel,
            required,
            producers: HashMap::new(),
            attesters: HashMap::new(),
            sessions: Cache::new(VERIFIED_SESSIONS),
        }
    }

    /// Takes a producer's key for one that may sign.
    #[must_use]
    pub fn producer(mut self, key: VerifyingKey) -> Self {
        self.producers.insert(key.id(), key);
        self
    }

    /// Takes a key for the channel's own, with which gateways attest.
    #[must_use]
    pub fn attester(mut self, key: VerifyingKey) -> Self {
        self.attesters.insert(key.id(), key);
        self
    }

    /// The channel.
    pub const fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// What is required.
    pub const fn required(&self) -> RequiredSignature {
        self.required
    }

    /// Judges a record: its EDEKs, the value of its `nu.sig`, its key and its value as stored.
    ///
    /// A session signature alone proves nothing of the record: it must open, too.
    ///
    /// Ensures: a signature by a signer of the channel is verified, also where none is required.
    /// `None`: there is no such signature, and none is required.
    /// Errors: [`OpenError::Unsigned`], [`OpenError::WrongSigner`],
    /// [`OpenError::WrongSignature`], [`OpenError::BadSignature`], [`OpenError::Malformed`].
    /// Cost: for a session that was verified before, one look-up; else one verification.
    pub fn verify(
        &self,
        edeks: &EdekHeader<'_>,
        signature: Option<&[u8]>,
        record_key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<Option<VerifiedSigner>, OpenError> {
        let signature = match signature.map(Signature::parse).transpose()? {
            Some(signature) => signature,
            None if self.required == RequiredSignature::None => return Ok(None),
            None => return Err(OpenError::Unsigned),
        };
        let (kind, signer) = (signature.kind(), signature.signer());
        let keys = match kind {
            SignatureKind::Session | SignatureKind::Record => &self.producers,
            SignatureKind::Attested => &self.attesters,
        };
        let Some(key) = keys.get(&signer) else {
            return match self.required {
                RequiredSignature::None => Ok(None),
                _ => Err(OpenError::WrongSigner { signer }),
            };
        };
        if !self.accepts(kind) {
            return Err(OpenError::WrongSignature { kind });
        }
        let verifies = match kind {
            SignatureKind::Session => self.verify_session(&signature, key, edeks),
            _ => signature.verifies(key, &self.channel, edeks, record_key, value),
        };
        if verifies {
            Ok(Some(VerifiedSigner { kind, signer }))
        } else {
            Err(OpenError::BadSignature)
        }
    }

    fn accepts(&self, kind: SignatureKind) -> bool {
        match self.required {
            RequiredSignature::None => true,
            RequiredSignature::Session => kind != SignatureKind::Attested,
            RequiredSignature::Record => kind == SignatureKind::Record,
            RequiredSignature::Attested => kind == SignatureKind::Attested,
        }
    }

    fn verify_session(
        &self,
        signature: &Signature,
        key: &VerifyingKey,
        edeks: &EdekHeader<'_>,
    ) -> bool {
        let parts = edeks.iter().flat_map(|edek| edek.immutable_part());
        let entry: Box<[u8]> = signature.as_bytes().iter().copied().chain(parts).collect();
        if self.sessions.get(&entry).is_some() {
            return true;
        }
        let verifies = signature.verifies(key, &self.channel, edeks, None, None);
        if verifies {
            self.sessions.insert(entry, ());
        }
        verifies
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signers")
            .field("channel", &self.channel)
            .field("required", &self.required)
            .field("producers", &self.producers.keys())
            .field("attesters", &self.attesters.keys())
            .finish_non_exhaustive()
    }
}
