//! The EDEK: a DEK encapsulated under a key, in the fixed form in which it travels.
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 1 | version = 1 |
//! | 1 | 1 | suite: 1 BBS98, 2 ECIES |
//! | 2 | 1 | state: 0 fresh, 1 re-encrypted by an interactive key, 2 by a non-interactive key |
//! | 3 | 1 | slot: 0 the whole value, 1..=255 a protected field group |
//! | 4 | 8 | key id of the delegating key |
//! | 12 | 8 | key id of the key that opens it now |
//! | 20 | 33 | capsule C |
//! | 53 | 33 | precursor X in state 2, else zeros |
//! | 86 | 16 | commitment to the DEK |
//!
//! Producers encapsulate, proxies re-encrypt, consumers decapsulate. An EDEK is public.
//! Specification: `docs/spec/envelope.md`, "EDEK".

use core::fmt;

use nucypher_pre::{
    Capsule, DelegationKind, KeyId, Precursor, PublicKey, ReencryptionKey, SecretKey, SharedSecret,
    Suite, rand_core::CryptoRng,
};
use subtle::ConstantTimeEq;

use crate::{
    dem::Dek,
    error::{Malformed, OpenError, ReencryptError},
    limits::EDEK_LEN,
};

/// Where the fields begin.
mod at {
    pub(super) const VERSION: usize = 0;
    pub(super) const SUITE: usize = 1;
    pub(super) const STATE: usize = 2;
    pub(super) const SLOT: usize = 3;
    pub(super) const DELEGATING_ID: usize = 4;
    pub(super) const OPENING_ID: usize = 12;
    pub(super) const CAPSULE: usize = 20;
    pub(super) const PRECURSOR: usize = 53;
    pub(super) const COMMITMENT: usize = 86;
}

const VERSION: u8 = 1;

/// The slot of an EDEK under which the whole value is sealed.
pub const WHOLE_VALUE: u8 = 0;

/// What has happened to an EDEK since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Nothing: the delegating key opens it.
    Fresh = 0,
    /// Re-encrypted by an interactive key; may be re-encrypted again.
    Interactive = 1,
    /// Re-encrypted by a non-interactive key; never again.
    NonInteractive = 2,
}

impl State {
    /// The number on the wire.
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Fresh => 0,
            Self::Interactive => 1,
            Self::NonInteractive => 2,
        }
    }
}

/// An encrypted DEK: 102 bytes that are in the format.
///
/// Parsing checks everything but the two curve points, which are decoded when they are needed: a
/// proxy looks an EDEK up in its cache, and decodes only what the cache lacks.
///
/// A parsed EDEK is not an opened one, and 102 bytes are not yet an EDEK:
///
/// ```compile_fail,E0423
/// let edek = nucypher_envelope::Edek([0; nucypher_envelope::EDEK_LEN]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edek([u8; EDEK_LEN]);

impl Edek {
    /// Parses exactly 102 bytes.
    ///
    /// Ensures: [`as_bytes`](Self::as_bytes) gives the same bytes again.
    /// Errors: names the first field that is not in the format.
    /// Cost: a copy of 102 bytes and comparisons, no curve arithmetic.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.first_chunk() {
            Some(edek) if bytes.len() == EDEK_LEN => Self::check(edek),
            Some(_) => Err(Malformed::new("length", EDEK_LEN, "an EDEK has 102 bytes")),
            None => Err(Malformed::new("length", bytes.len(), "an EDEK has 102 bytes")),
        }
    }

    /// Checks everything but the points.
    pub(crate) fn check(bytes: &[u8; EDEK_LEN]) -> Result<Self, Malformed> {
        let edek = Self(*bytes);
        if edek.0[at::VERSION] != VERSION {
            return Err(Malformed::new("version", at::VERSION, "not 1"));
        }
        if Suite::from_byte(edek.0[at::SUITE]).is_none() {
            return Err(Malformed::new("suite", at::SUITE, "not 1 or 2"));
        }
        if edek.0[at::STATE] > State::NonInteractive.as_byte() {
            return Err(Malformed::new("state", at::STATE, "not 0, 1 or 2"));
        }
        // Re-encrypted back to the delegating key by interactive keys, the capsule is the fresh one
        // again: rk·rk'·C = C. One form for one thing, so that form is state 0 alone.
        let opens_with_delegating = edek.opening_id() == edek.delegating_id();
        match edek.state() {
            State::Fresh if !opens_with_delegating => {
                let why = "a fresh EDEK is opened by its delegating key";
                return Err(Malformed::new("opening_key_id", at::OPENING_ID, why));
            }
            State::Interactive if opens_with_delegating => {
                let why = "opened by its delegating key, so it is fresh";
                return Err(Malformed::new("state", at::STATE, why));
            }
            _ => {}
        }
        let precursor: [u8; 33] = edek.field::<{ at::PRECURSOR }, 33>();
        if edek.state() != State::NonInteractive && precursor != [0; 33] {
            return Err(Malformed::new("precursor", at::PRECURSOR, "not zeros"));
        }
        Ok(edek)
    }

    /// Where the slot stands, for the errors of what holds several EDEKs.
    pub(crate) const SLOT_AT: usize = at::SLOT;

    /// Takes 102 bytes that [`check`](Self::check) accepted before.
    pub(crate) const fn checked(bytes: &[u8; EDEK_LEN]) -> Self {
        Self(*bytes)
    }

    /// Draws a DEK and encapsulates it under a delegating key: a fresh EDEK.
    ///
    /// (C, S) = Encaps(A); DEK, commitment = HKDF(S). Cost: two multiplications.
    pub fn encapsulate(to: &PublicKey, slot: u8, rng: &mut impl CryptoRng) -> (Self, Dek) {
        let (capsule, shared) = to.encapsulate(rng);
        Self::fresh(to, slot, &capsule, shared)
    }

    /// Derives the DEK and writes the EDEK around its capsule.
    pub(crate) fn fresh(
        to: &PublicKey,
        slot: u8,
        capsule: &Capsule,
        shared: SharedSecret,
    ) -> (Self, Dek) {
        let (dek, commitment) = Dek::derive(shared, to.suite(), slot, to.id());
        let mut edek = Self([0; EDEK_LEN]);
        edek.0[at::VERSION] = VERSION;
        edek.0[at::SUITE] = to.suite().as_byte();
        edek.0[at::STATE] = State::Fresh.as_byte();
        edek.0[at::SLOT] = slot;
        edek.put::<{ at::DELEGATING_ID }, 8>(to.id().as_bytes());
        edek.put::<{ at::OPENING_ID }, 8>(to.id().as_bytes());
        edek.put::<{ at::CAPSULE }, 33>(&capsule.to_bytes());
        edek.put::<{ at::COMMITMENT }, 16>(&commitment);
        (edek, dek)
    }

    /// Recovers the DEK with the key that opens this EDEK now.
    ///
    /// First the id, then the suite, then the points, then the commitment in constant time: a
    /// stranger's EDEK costs a comparison. A mismatch under the key's own id means altered.
    ///
    /// Errors: [`OpenError::NotGranted`], [`OpenError::Altered`], [`OpenError::Malformed`].
    /// Cost: one square root and one multiplication; in state 2 two of each.
    pub fn decapsulate(&self, key: &SecretKey) -> Result<Dek, OpenError> {
        if key.id() != self.opening_id() {
            return Err(OpenError::NotGranted { opening_id: self.opening_id() });
        }
        // A key belongs to one suite, so under its id another suite was written here later. The
        // scalar must not be used in the other suite, not even to find out.
        if key.suite() != self.suite() {
            return Err(OpenError::Altered);
        }
        let capsule = self.capsule()?;
        let shared = match self.precursor()? {
            None => key.decapsulate(&capsule),
            Some(precursor) => {
                key.decapsulate_delegated(&capsule, &precursor).map_err(|_| OpenError::Altered)?
            }
        };
        let (dek, commitment) =
            Dek::derive(shared, self.suite(), self.slot(), self.delegating_id());
        if bool::from(commitment.ct_eq(&self.commitment())) {
            Ok(dek)
        } else {
            Err(OpenError::Altered)
        }
    }

    /// Re-encrypts to another key: C' = rk·C. The DEK, the commitment and the size stay.
    ///
    /// Ensures: bytes 2, 12..20, 20..53 and 53..86 change, nothing else.
    /// Errors: [`ReencryptError`]; checked are suite, opening key id and state, then C is decoded.
    /// Cost: one square root, one multiplication and one encoding; benchmark `edek/reencrypt`.
    pub fn reencrypt(&self, key: &ReencryptionKey) -> Result<Self, ReencryptError> {
        Ok(self.reencrypted(key, &key.reencrypt(&self.capsule_for(key)?)))
    }

    /// Re-encrypts many by one key, as [`reencrypt`](Self::reencrypt) would each, in order.
    ///
    /// Errors: those of `reencrypt`, for each alone. Cost: from 45 EDEKs 0.7 of that each; allocates some
    /// 2 KiB for each of at most 320 at a time. Benchmark `edek/reencrypt_batch`.
    pub fn reencrypt_batch(
        edeks: &[Self],
        key: &ReencryptionKey,
    ) -> Vec<Result<Self, ReencryptError>> {
        let mut found: Vec<_> = edeks.iter().map(|edek| edek.capsule_for(key)).collect();
        let mut capsules: Vec<Capsule> = found.iter().flatten().cloned().collect();
        key.reencrypt_batch(&mut capsules);
        found.iter_mut().flatten().zip(capsules).for_each(|(capsule, done)| *capsule = done);
        let done = edeks.iter().zip(found);
        done.map(|(edek, capsule)| Ok(edek.reencrypted(key, &capsule?))).collect()
    }

    /// The capsule, decoded, if `key` may re-encrypt it.
    fn capsule_for(&self, key: &ReencryptionKey) -> Result<Capsule, ReencryptError> {
        if self.opening_id() != key.delegator().id() {
            return Err(ReencryptError::NotForThisKey { opening_id: self.opening_id() });
        }
        if self.suite() != key.suite() {
            return Err(ReencryptError::SuiteMismatch);
        }
        if self.state() == State::NonInteractive {
            return Err(ReencryptError::LastHop);
        }
        Ok(self.capsule()?)
    }

    /// This EDEK with the capsule that `key` has made of its own.
    fn reencrypted(&self, key: &ReencryptionKey, capsule: &Capsule) -> Self {
        let state = match key.kind() {
            DelegationKind::Interactive if key.delegatee().id() == self.delegating_id() => {
                State::Fresh
            }
            DelegationKind::Interactive => State::Interactive,
            DelegationKind::NonInteractive => State::NonInteractive,
        };
        let mut edek = *self;
        edek.0[at::STATE] = state.as_byte();
        edek.put::<{ at::OPENING_ID }, 8>(key.delegatee().id().as_bytes());
        edek.put::<{ at::CAPSULE }, 33>(&capsule.to_bytes());
        edek.put::<{ at::PRECURSOR }, 33>(&key.precursor().map_or([0; 33], Precursor::to_bytes));
        edek
    }

    /// The 102 bytes.
    pub const fn as_bytes(&self) -> &[u8; EDEK_LEN] {
        &self.0
    }

    /// The suite of every key that ever opens it.
    pub const fn suite(&self) -> Suite {
        // Parsing admits 1 and 2 alone.
        match self.0[at::SUITE] {
            2 => Suite::Ecies,
            _ => Suite::Bbs98,
        }
    }

    /// What has happened to it since it was made.
    pub const fn state(&self) -> State {
        // Parsing admits 0, 1 and 2 alone.
        match self.0[at::STATE] {
            0 => State::Fresh,
            1 => State::Interactive,
            _ => State::NonInteractive,
        }
    }

    /// The slot: 0 for the whole value, 1..=255 for a protected field group.
    pub const fn slot(&self) -> u8 {
        self.0[at::SLOT]
    }

    /// The id of the key under which it was made.
    pub fn delegating_id(&self) -> KeyId {
        KeyId::from_bytes(self.field::<{ at::DELEGATING_ID }, 8>())
    }

    /// The id of the key that opens it now.
    pub fn opening_id(&self) -> KeyId {
        KeyId::from_bytes(self.field::<{ at::OPENING_ID }, 8>())
    }

    /// Decodes the capsule C.
    ///
    /// Errors: not a point of the curve. Cost: one square root.
    pub fn capsule(&self) -> Result<Capsule, Malformed> {
        Capsule::from_bytes(&self.field::<{ at::CAPSULE }, 33>())
            .map_err(|_| Malformed::new("capsule", at::CAPSULE, "not a point of the curve"))
    }

    /// Decodes the precursor X, which is there in state 2 alone.
    ///
    /// Errors: not a point of the curve. Cost: in state 2 one square root.
    pub fn precursor(&self) -> Result<Option<Precursor>, Malformed> {
        if self.state() != State::NonInteractive {
            return Ok(None);
        }
        Precursor::from_bytes(&self.field::<{ at::PRECURSOR }, 33>())
            .map(Some)
            .map_err(|_| Malformed::new("precursor", at::PRECURSOR, "not a point of the curve"))
    }

    /// The commitment to the DEK. Compare it in constant time.
    pub fn commitment(&self) -> [u8; 16] {
        self.field::<{ at::COMMITMENT }, 16>()
    }

    /// What no re-encryption changes: bytes 0..2, 3..12 and 86..102.
    pub fn immutable_part(&self) -> [u8; 27] {
        let mut part = [0; 27];
        let fields = self.0[..at::STATE]
            .iter()
            .chain(&self.0[at::SLOT..at::OPENING_ID])
            .chain(&self.0[at::COMMITMENT..]);
        part.iter_mut().zip(fields).for_each(|(to, from)| *to = *from);
        part
    }

    /// The `N` bytes from `AT`; that they are inside is checked when compiling.
    #[expect(clippy::indexing_slicing, reason = "AT + N is checked when compiling")]
    fn field<const AT: usize, const N: usize>(&self) -> [u8; N] {
        const { assert!(AT + N <= EDEK_LEN) };
        let mut field = [0; N];
        field.copy_from_slice(&self.0[AT..AT + N]);
        field
    }

    /// Writes the `N` bytes from `AT`; that they are inside is checked when compiling.
    #[expect(clippy::indexing_slicing, reason = "AT + N is checked when compiling")]
    fn put<const AT: usize, const N: usize>(&mut self, field: &[u8; N]) {
        const { assert!(AT + N <= EDEK_LEN) };
        self.0[AT..AT + N].copy_from_slice(field);
    }
}

impl fmt::Debug for Edek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edek")
            .field("suite", &self.suite())
            .field("state", &self.state())
            .field("slot", &self.slot())
            .field("delegating_id", &self.delegating_id())
            .field("opening_id", &self.opening_id())
            .finish_non_exhaustive()
    }
}
