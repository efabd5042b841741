//! The signing half of a sealer.

use core::fmt;
use std::sync::Arc;

use quick_cache::unsync::Cache;

use super::{Signature, SigningKey};
use crate::{
    binding::ChannelName, error::SealError, header::EdekHeader, limits::VERIFIED_SESSIONS,
    seal::SealedRecord,
};

/// What a sealer signs.
#[derive(Clone, Debug, Default)]
pub enum Signing {
    /// Nothing.
    #[default]
    None,
    /// Each session, once: whoever lacks its DEK can forge nothing.
    Session(Arc<SigningKey>),
    /// Each record: other readers cannot forge it either.
    Record(Arc<SigningKey>),
}

/// Signs for one sealer, and remembers the signatures of its open sessions.
pub(crate) struct Signer {
    signing: Signing,
    /// By all EDEKs of a record: a session has the same for all its records.
    sessions: Cache<Vec<u8>, Signature>,
}

impl Signer {
    pub(crate) fn new(signing: Signing, sessions: usize) -> Self {
        Self { signing, sessions: Cache::new(sessions.clamp(1, VERIFIED_SESSIONS)) }
    }

    /// The signature of a record. Cost: for a session that was signed before, one look-up.
    pub(crate) fn sign(
        &mut self,
        channel: &ChannelName,
        sealed: &SealedRecord,
        key: Option<&[u8]>,
    ) -> Result<Option<Signature>, SealError> {
        let edeks = || EdekHeader::parse(&sealed.edek).map_err(|_| SealError::TooLarge);
        Ok(match &self.signing {
            Signing::None => None,
            Signing::Session(signer) => Some(match self.sessions.get(&sealed.edek) {
                Some(signature) => *signature,
                None => {
                    let signature = Signature::session(signer, channel, &edeks()?);
                    self.sessions.insert(sealed.edek.clone(), signature);
                    signature
                }
            }),
            Signing::Record(signer) => {
                let value = sealed.value.as_deref();
                Some(Signature::record(signer, channel, &edeks()?, key, value))
            }
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.signing.fmt(f)
    }
}
