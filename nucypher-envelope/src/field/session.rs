//! A session over several slots: a DEK and an EDEK for each, one prefix and one record number for all.
//!
//! As in [`crate::session`], a session is taken out to seal a record and put back if that went well,
//! so no nonce serves twice. The limits count the calls and bytes of all slots together, which is
//! more than any one DEK sees. Secret: the DEKs.

use nucypher_pre::{PublicKey, rand_core::CryptoRng};

use super::{FieldError, MAX_TOKENS, token::Token};
use crate::{
    binding::Place,
    dem::Dek,
    edek::Edek,
    limits::Limits,
    session::Age,
    text::Text,
    value::{Nonce, Sealing},
};

#[derive(Debug)]
pub(super) struct FieldSession {
    slots: Vec<(Edek, Dek)>,
    prefix: [u8; 4],
    records: u64,
    calls: u64,
    bytes: u64,
    age: Age,
    process: u32,
    aad: Vec<u8>,
}

/// What the fields of a record are bound to besides their paths.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) key: Option<Option<&'a [u8]>>,
    pub(super) place: Option<Place<'a>>,
}

impl FieldSession {
    /// Cost: two multiplications for each slot.
    pub(super) fn begin<'k>(
        keys: impl Iterator<Item = (u8, &'k PublicKey)>,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let slots = keys.map(|(slot, key)| Edek::encapsulate(key, slot, rng)).collect();
        let mut prefix = [0; 4];
        rng.fill_bytes(&mut prefix);
        Self {
            slots,
            prefix,
            records: 0,
            calls: 0,
            bytes: 0,
            age: Age::begin(now_ms),
            process: std::process::id(),
            aad: Vec::new(),
        }
    }

    /// The session, if it may go on for `calls` more values of `bytes` together.
    pub(super) fn goes_on(
        mut self,
        limits: &Limits,
        calls: usize,
        bytes: usize,
        now_ms: u64,
    ) -> Option<Self> {
        let add =
            |sum: u64, more: usize| sum.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        self.age.tick(now_ms);
        (add(self.calls, calls) <= limits.calls
            && add(self.bytes, bytes) <= limits.bytes
            && self.age.elapsed_ms() < limits.age_ms()
            && self.process == std::process::id())
        .then_some(self)
    }

    pub(super) fn edeks(&self) -> impl Iterator<Item = &Edek> {
        self.slots.iter().map(|(edek, _)| edek)
    }

    pub(super) fn has_prefix(&self, prefix: [u8; 4]) -> bool {
        self.prefix == prefix
    }

    /// Seals one value. Requires: `token` is new in this record, and the session is dropped when
    /// this fails.
    pub(super) fn seal(
        &mut self,
        slot: u8,
        token: usize,
        context: &[u8],
        text: Text,
        bound: &Bound<'_>,
    ) -> Result<Token, FieldError> {
        let (edek, dek) =
            self.slots.iter().find(|(edek, _)| edek.slot() == slot).ok_or(FieldError::TooMany)?;
        let token = u16::try_from(token).map_err(|_| FieldError::TooMany)?;
        let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let sealing = Sealing {
            edek,
            dek,
            nonce: Nonce::new(self.prefix, self.records, token),
            context,
            key: bound.key,
            place: bound.place,
        };
        let value = sealing.seal(text, &mut self.aad).map_err(|_| FieldError::TooLarge)?;
        self.calls = self.calls.saturating_add(1);
        self.bytes = self.bytes.saturating_add(len);
        Ok(Token::new(slot, value))
    }

    /// Goes on to the next record.
    pub(super) fn end_record(&mut self) {
        self.records = self.records.saturating_add(1);
    }
}

const _: () = assert!(MAX_TOKENS == 1 << 16, "a token index is a u16");
