//! The hot path: C' = rk·C.
//!
//! Called by a proxy for every capsule that its cache does not hold. rk is secret (with one
//! party's private key it gives the other's), C and C' are public.
//!
//! | | one | 256 at once, each |
//! | --- | --- | --- |
//! | fixed pattern | [`reencrypt`](ReencryptionKey::reencrypt) | [`reencrypt_batch`](ReencryptionKey::reencrypt_batch) |
//! | variable time | [`reencrypt_vartime`](ReencryptionKey::reencrypt_vartime) | [`reencrypt_batch_vartime`](ReencryptionKey::reencrypt_batch_vartime) |
//! | blinded | [`reencrypt_blinded`](ReencryptionKey::reencrypt_blinded), [`reencrypt_blinded_vartime`](ReencryptionKey::reencrypt_blinded_vartime) | |
//!
//! The fixed pattern is the default: a re-encryption key lives as long as its grant, and what leaks a
//! little at each use leaks all of it in the end. Variable time is for a caller who knows that
//! nobody can time single re-encryptions of a key of his choice or share a processor's caches
//! with the proxy; `docs/spec/pre.md`, "Timing", says what such an observer would learn. Blinded, two
//! multiplications by scalars drawn anew take the place of one by rk, so that nothing adds up from one
//! re-encryption to the next. All give the same bytes. Benchmarks `reencrypt/*`, `reencrypt_encoded/*`, `reencrypt_batch/*`; figures in
//! `docs/benchmarks.md`.

use alloc::vec::Vec;

use rand_core::CryptoRng;

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

    /// As [`reencrypt`](Self::reencrypt), for about twice its cost: C' = (rk/s)·(s·C), s drawn anew.
    ///
    /// For a proxy whose processor is not trusted to be constant time, or can be observed (power, faults,
    /// multipliers that depend on their operands): each of the two scalars is uniform and independent
    /// of rk, so an average over many re-encryptions says nothing about rk. Who reads both scalars out
    /// of one re-encryption has rk. Timing: constant. Cost: two multiplications, one inversion mod n, no
    /// allocation. Benchmark `reencrypt/*_blinded`.
    pub fn reencrypt_blinded(&self, capsule: &Capsule, rng: &mut impl CryptoRng) -> Capsule {
        let [first, second] = self.blind(rng);
        Capsule(capsule.0.multiply(&first).multiply(&second))
    }

    /// As [`reencrypt_blinded`](Self::reencrypt_blinded) with multiplications in variable time, 0.8 of
    /// its cost: **more than [`reencrypt`](Self::reencrypt)**, which shows less. For who must not
    /// rest on the fixed pattern and whose caches and branch predictor nobody else shares.
    ///
    /// Timing: depends on s and rk/s, not on rk alone: `docs/spec/pre.md`, "Timing".
    pub fn reencrypt_blinded_vartime(
        &self,
        capsule: &Capsule,
        rng: &mut impl CryptoRng,
    ) -> Capsule {
        let [first, second] = self.blind(rng);
        Capsule(capsule.0.multiply_vartime(&first).multiply_vartime(&second))
    }

    /// (s, rk/s), s uniform: each alone is uniform and independent of rk. Constant time.
    fn blind(&self, rng: &mut impl CryptoRng) -> [Scalar; 2] {
        let s = Scalar::random(rng);
        let rest = self.scalar().multiply(&s.invert());
        [s, rest]
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
