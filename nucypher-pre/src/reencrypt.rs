//! The hot path: C' = rk·C.
//!
//! Called by a proxy for every capsule that its cache does not hold. rk is secret (with one
//! party's private key it gives the other's), C and C' are public.
//!
//! | | one | 256 at once, each |
//! | --- | --- | --- |
//! | fixed pattern | [`reencrypt`](ReencryptionKey::reencrypt) | [`reencrypt_batch`](ReencryptionKey::reencrypt_batch) |
//! | variable time | [`reencrypt_vartime`](ReencryptionKey::reencrypt_vartime) | [`reencrypt_batch_vartime`](ReencryptionKey::reencrypt_batch_vartime) |
//!
//! The fixed pattern is the default: a re-encryption key lives as long as its grant, and what leaks a
//! little at each use leaks all of it in the end. Variable time is for a caller who knows that
//! nobody can time single re-encryptions of a key of his choice or share a processor's caches
//! with the proxy; `docs/spec/pre.md`, "Timing", says what such an observer would learn. Both give
//! the same bytes. Benchmarks `reencrypt/*`, `reencrypt_encoded/*`, `reencrypt_batch/*`; figures in
//! `docs/benchmarks.md`.

use alloc::vec::Vec;

use crate::{
    capsule::Capsule,
    curve::{Point, Scalar},
    delegation::ReencryptionKey,
};

impl ReencryptionKey {
    /// Re-encrypts a capsule from the delegator to the delegatee: C' = rk·C.
    ///
    /// Requires: the capsule is one under the delegator's key in this key's suite (for bytes from
    /// the wire `nucypher_envelope::Edek::reencrypt` checks that), and was not re-encrypted by a
    /// non-interactive key before. Otherwise the result opens for nobody.
    /// Timing: constant. Cost: one multiplication, no allocation.
    pub fn reencrypt(&self, capsule: &Capsule) -> Capsule {
        Capsule(capsule.0.multiply(self.scalar()))
    }

    /// As [`reencrypt`](Self::reencrypt), about 0.8 of its cost.
    ///
    /// Timing: **depends on rk**.
    pub fn reencrypt_vartime(&self, capsule: &Capsule) -> Capsule {
        Capsule(capsule.0.multiply_vartime(self.scalar()))
    }

    /// Re-encrypts every capsule in place, as [`reencrypt`](Self::reencrypt) would each.
    ///
    /// Requires: what `reencrypt` requires, of each. Timing: constant in rk; depends on how many
    /// capsules there are. Cost: from 45 capsules 0.7 of that each. Allocates about 2 KiB for each
    /// of at most 320 capsules at a time. With the feature `rayon` on all cores.
    pub fn reencrypt_batch(&self, capsules: &mut [Capsule]) {
        self.batch(capsules, Point::multiply_batch);
    }

    /// As [`reencrypt_batch`](Self::reencrypt_batch), about 0.8 of its cost.
    ///
    /// Timing: **depends on rk**.
    pub fn reencrypt_batch_vartime(&self, capsules: &mut [Capsule]) {
        self.batch(capsules, Point::multiply_batch_vartime);
    }

    fn batch(&self, capsules: &mut [Capsule], multiply: fn(&mut [Point], &Scalar)) {
        let mut points: Vec<_> = capsules.iter().map(|capsule| capsule.0).collect();
        multiply(&mut points, self.scalar());
        for (capsule, point) in capsules.iter_mut().zip(points) {
            *capsule = Capsule(point);
        }
    }
}
