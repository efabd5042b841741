//! Sessions: one DEK, one EDEK, and a nonce for every value.
//!
//! A session lives in one process and is never stored. It ends at its [`Limits`], in a forked
//! child, when its clock leaves it too old, and when sealing fails. The types leave no other way:
//!
//! ```text
//! Session::begin ──> Turn ──seal──> Session ──turn──> Turn ──seal──> Session ──> ..
//!                     │                 │
//!                     └─ fails: gone    └─ a limit is reached: gone
//! ```
//!
//! A [`Turn`] owns its session and one nonce, and is consumed by sealing. So no nonce serves twice,
//! whatever fails, and the record numbers of a session have no gaps: after a failure the session
//! is no more, and the next value begins another.
//!
//! Specification: `docs/spec/envelope.md`, "Sessions" and "Limits". Secret: the DEK.

use core::fmt;

use nucypher_pre::{PreparedPublicKey, PublicKey, rand_core::CryptoRng};

use crate::{
    binding::{ChannelName, Place},
    dem::Dek,
    edek::{Edek, WHOLE_VALUE},
    error::SealError,
    limits::Limits,
    text::Text,
    value::{Nonce, Sealing},
};

/// A DEK in use, between two values.
pub struct Session {
    edek: Edek,
    dek: Dek,
    /// The 4 random bytes that begin every nonce.
    prefix: [u8; 4],
    /// Values sealed, which is the next record number and the number of AEAD calls.
    sealed: u64,
    /// Bytes of text sealed.
    bytes: u64,
    age: Age,
    /// The process that began it.
    process: u32,
    /// Working memory for the additional authenticated data.
    aad: Vec<u8>,
}

/// How long a session has been going, by a clock that may jump.
///
/// Every movement of the clock ages it, in either direction: a clock that is set back by an hour
/// ends the session as surely as one that is set forward, and readings that threads took out of
/// order do no harm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    elapsed_ms: u64,
    last_ms: u64,
}

impl Age {
    pub(crate) const fn begin(now_ms: u64) -> Self {
        Self { elapsed_ms: 0, last_ms: now_ms }
    }

    #[cfg(feature = "fields")]
    pub(crate) const fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms
    }

    pub(crate) fn tick(&mut self, now_ms: u64) {
        self.elapsed_ms = self.elapsed_ms.saturating_add(now_ms.abs_diff(self.last_ms));
        self.last_ms = now_ms;
    }
}

/// What a value is bound to besides its session.
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    /// The channel, which is always bound.
    pub channel: &'a ChannelName,
    /// The record key, if it is to be bound: `Some(None)` binds that the key is null.
    pub key: Option<Option<&'a [u8]>>,
    /// The place, if it is to be bound.
    pub place: Option<Place<'a>>,
}

/// A session's right to seal one value.
///
/// It is consumed by sealing, so its nonce cannot serve twice:
///
/// ```compile_fail,E0382
/// # use nucypher_envelope::{*, pre::{SecretKey, Suite, os_rng}};
/// # let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
/// # let channel = ChannelName::new("orders").unwrap();
/// let bound = Bound { channel: &channel, key: None, place: None };
/// let turn = Session::begin(key.public_key(), 0, &mut os_rng());
/// turn.seal(Text::empty(), &bound);
/// turn.seal(Text::empty(), &bound); // the same nonce
/// ```
///
/// and while it is out, its session is not there to give another:
///
/// ```compile_fail,E0382
/// # use nucypher_envelope::{*, pre::{SecretKey, Suite, os_rng}};
/// # let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
/// # let channel = ChannelName::new("orders").unwrap();
/// # let bound = Bound { channel: &channel, key: None, place: None };
/// # let (session, _) = Session::begin(key.public_key(), 0, &mut os_rng()).seal(Text::empty(), &bound).unwrap();
/// let first = session.turn(&Limits::MAX, 0, 0);
/// let second = session.turn(&Limits::MAX, 0, 0); // the same nonce
/// ```
///
/// Nor can a session be kept for later by copying it:
///
/// ```compile_fail,E0599
/// # use nucypher_envelope::{*, pre::{SecretKey, Suite, os_rng}};
/// # let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
/// let turn = Session::begin(key.public_key(), 0, &mut os_rng());
/// let copy = turn.clone();
/// ```
#[derive(Debug)]
#[must_use = "dropping a turn ends its session"]
pub struct Turn(Session);

impl Session {
    /// Begins a session under a delegating key, with the turn to seal its first value.
    ///
    /// Requires: `rng` gives bytes that no other process gets, also after a fork.
    /// Cost: two multiplications.
    pub fn begin(to: &PublicKey, now_ms: u64, rng: &mut impl CryptoRng) -> Turn {
        Self::with_dek(Edek::encapsulate(to, WHOLE_VALUE, rng), now_ms, rng)
    }

    /// As [`begin`](Self::begin), under a prepared key, for two thirds of the cost.
    pub fn begin_prepared(to: &PreparedPublicKey, now_ms: u64, rng: &mut impl CryptoRng) -> Turn {
        let (capsule, shared) = to.encapsulate(rng);
        Self::with_dek(Edek::fresh(to.public_key(), WHOLE_VALUE, &capsule, shared), now_ms, rng)
    }

    fn with_dek((edek, dek): (Edek, Dek), now_ms: u64, rng: &mut impl CryptoRng) -> Turn {
        let mut prefix = [0; 4];
        rng.fill_bytes(&mut prefix);
        Turn(Self {
            edek,
            dek,
            prefix,
            sealed: 0,
            bytes: 0,
            age: Age::begin(now_ms),
            process: std::process::id(),
            aad: Vec::new(),
        })
    }

    /// Takes the turn to seal a text of `len` bytes, or ends the session: `None`.
    ///
    /// It ends when the text would go beyond `limits`, when it is too old, and in a child of the
    /// process that began it, where parent and child would use the same nonces.
    /// Cost: one system call, getpid.
    pub fn turn(mut self, limits: &Limits, len: usize, now_ms: u64) -> Option<Turn> {
        self.age.tick(now_ms);
        let bytes = u64::try_from(len).unwrap_or(u64::MAX).saturating_add(self.bytes);
        let goes_on = self.sealed < limits.calls
            && bytes <= limits.bytes
            && self.age.elapsed_ms < limits.age_ms()
            && self.process == std::process::id();
        goes_on.then_some(Turn(self))
    }

    /// The session's EDEK, as it travels with every value.
    pub fn edek(&self) -> &Edek {
        &self.edek
    }

    /// How many values the session has sealed.
    pub fn sealed(&self) -> u64 {
        self.sealed
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("edek", &self.edek)
            .field("sealed", &self.sealed)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Turn {
    /// Seals a text: gives the session back, and the sealed value.
    ///
    /// Errors: [`SealError::TooLarge`]; the session is gone then, with the nonce.
    /// Cost: one AEAD call over the text, in place, and the additional authenticated data;
    /// benchmark `seal/*`.
    pub fn seal(self, text: Text, bound: &Bound<'_>) -> Result<(Session, Vec<u8>), SealError> {
        let Self(mut session) = self;
        let len = text.len();
        let sealing = Sealing {
            edek: &session.edek,
            dek: &session.dek,
            nonce: Nonce::new(session.prefix, session.sealed, 0),
            context: bound.channel.as_str().as_bytes(),
            key: bound.key,
            place: bound.place,
        };
        let value = sealing.seal(text, &mut session.aad)?;

        session.sealed = session.sealed.saturating_add(1);
        session.bytes = session.bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        Ok((session, value))
    }
}

#[cfg(test)]
mod tests;
