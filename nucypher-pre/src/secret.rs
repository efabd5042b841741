//! The shared secret that a capsule encapsulates.

use core::fmt;

use zeroize::Zeroizing;

use crate::{
    curve::{POINT_LEN, Point},
    transcript,
};

/// The shared point S, compressed. Secret; consumed by its one use.
///
/// ```compile_fail,E0382
/// # use nucypher_pre::{Suite, SecretKey, os_rng};
/// # let rng = &mut os_rng();
/// let (_, secret) = SecretKey::generate(Suite::Bbs98, rng).public_key().encapsulate(rng);
/// let first = secret.expand::<32>(&[b"first"]);
/// let second = secret.expand::<32>(&[b"second"]); // moved by its first use
/// ```
pub struct SharedSecret(Zeroizing<[u8; POINT_LEN]>);

impl SharedSecret {
    pub(crate) fn new(point: Point) -> Self {
        Self(Zeroizing::new(point.to_compressed()))
    }

    /// Derives `N` bytes of key material, at most 8160 (checked when compiling).
    ///
    /// HKDF-SHA-256 (RFC 5869) with an empty salt, S (33 bytes) as input keying material and the
    /// parts of `info` joined: give every part a fixed length or put its length before it.
    /// Cost: 2 + N/32 HMACs.
    pub fn expand<const N: usize>(self, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        transcript::expand(self.0.as_ref(), info)
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}
