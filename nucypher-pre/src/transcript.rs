//! The one home of this crate's domain separators, and the hashes that they enter.

use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::{curve::Scalar, error::Error};

/// Enters the key id of a public key.
pub(crate) const KEY_ID: &[u8] = b"nucypher/v1/key-id";
/// Enters the scalar d of a non-interactive re-encryption key.
pub(crate) const GRANT: &[u8] = b"nucypher/v1/grant";
/// Enters a channel's delegating key.
pub(crate) const CHANNEL_KEY: &[u8] = b"nucypher/v1/channel-key";
/// Enters a producer's delegating key.
pub(crate) const PRODUCER_KEY: &[u8] = b"nucypher/v1/producer-key";
/// Enters the id of an ElGamal key.
pub(crate) const ELGAMAL_KEY_ID: &[u8] = b"nucypher/v1/elgamal-key-id";
/// Enters the digest of a sharing.
pub(crate) const SHARING: &[u8] = b"nucypher/v1/sharing";
/// Enters the challenge of a proof of re-encryption.
pub(crate) const REENCRYPTION_PROOF: &[u8] = b"nucypher/v1/reencryption-proof";
/// Enters the challenge of a fragment's proof.
pub(crate) const FRAGMENT_PROOF: &[u8] = b"nucypher/v1/fragment-proof";
/// Enters the nonce of either proof.
pub(crate) const PROOF_NONCE: &[u8] = b"nucypher/v1/proof-nonce";

/// The first 8 bytes of SHA-256 over the joined parts.
pub(crate) fn id(parts: &[&[u8]]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = digest(parts);
    [a, b, c, d, e, f, g, h]
}

/// SHA-256 over the joined parts.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// SHA-512 over the joined parts as a big-endian integer modulo n; zero is an error.
pub(crate) fn hash_to_scalar(parts: &[&[u8]]) -> Result<Scalar, Error> {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    let digest: Zeroizing<[u8; 64]> = Zeroizing::new(hash.finalize().into());
    Scalar::from_wide(&digest)
}

/// HKDF-SHA-256 (RFC 5869) with an empty salt; `info` is joined.
pub(crate) fn expand<const N: usize>(ikm: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF-SHA-256 gives at most 8160 bytes") };
    let mut okm = Zeroizing::new([0u8; N]);
    // The length was checked above, so this cannot fail; if it did, the output would be zeros.
    let expanded = Hkdf::<Sha256>::new(None, ikm).expand_multi_info(info, okm.as_mut());
    debug_assert!(expanded.is_ok());
    okm
}

/// The length of a label as u16, which stands before it.
pub(crate) fn len16(label: &[u8]) -> Result<[u8; 2], Error> {
    u16::try_from(label.len()).map(u16::to_be_bytes).map_err(|_| Error::LabelTooLong)
}
