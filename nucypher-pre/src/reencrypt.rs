//! The hot path: C' = rk·C.
//!
//! Called by a proxy for every capsule that its cache does not hold. rk is secret (with one
//! party's private key it gives the other's), C and C' are public. Cost: one variable-base
//! multiplication; benchmarks `reencrypt/{bbs98,ecies}` and `reencrypt_encoded/*`.

use crate::{capsule::Capsule, delegation::ReencryptionKey};

impl ReencryptionKey {
    /// Re-encrypts a capsule from the delegator to the delegatee: C' = rk·C.
    ///
    /// Requires: the capsule is one under the delegator's key in this key's suite (for bytes from
    /// the wire `nucypher_envelope::Edek::reencrypt` checks that), and was not re-encrypted by a
    /// non-interactive key before. Otherwise the result opens for nobody.
    /// Timing: variable in rk (see the crate's documentation).
    pub fn reencrypt(&self, capsule: &Capsule) -> Capsule {
        Capsule(capsule.0.multiply(self.scalar()))
    }
}
