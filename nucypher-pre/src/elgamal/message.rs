//! Byte strings as group elements: an injective encoding, 30 bytes to a point.
//!
//! ```text
//! x = length (1 byte, 0 to 30) || bytes || zeros up to 31 bytes || counter (1 byte), y even
//! ```
//!
//! (Koblitz, Mathematics of Computation 48 (1987), section 3, with the counter in the low byte.)
//! A first byte of at most 30 keeps x below p, so x mod p is x, and different strings have no point
//! in common. About half of the 256 counters are on the curve. The counter is **drawn**, not counted
//! up from zero: how long that takes is then a matter of chance and of the share of good
//! counters alone, which is nearly the same for all strings, while the first good counter would
//! tell on which x the string is not.
//!
//! A string is cut into chunks of 30 bytes; the last has fewer, and none where the length is a
//! multiple of 30. So the end can be told: a row that lacks its end does not decode. Chunks in
//! another order do: nothing here is authenticated.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{ElGamalCiphertext, ElGamalPublicKey, ElGamalSecretKey, GroupElement};
use crate::{
    curve::{POINT_LEN, Point},
    error::Error,
};

/// How many bytes one group element carries at most.
pub const CHUNK_LEN: usize = 30;
/// The longest byte string that is encrypted, in bytes: 255 full chunks, and the last one's 29.
pub const MESSAGE_LEN: usize = 255 * CHUNK_LEN + CHUNK_LEN - 1;

/// How many counters are drawn. Each is good with probability 1/2 (nearly, for every string): all
/// fail with 2^-256.
const DRAWS: usize = 256;

/// Encodes a chunk. Errors: [`Error::MessageLength`]; [`Error::MessageEncoding`] where no counter was
/// good (2^-256).
fn encode(chunk: &[u8], rng: &mut impl CryptoRng) -> Result<GroupElement, Error> {
    let too_long = Error::MessageLength { limit: CHUNK_LEN, found: chunk.len() };
    let length = u8::try_from(chunk.len()).map_err(|_| too_long)?;
    let mut compressed = Zeroizing::new([0; POINT_LEN]);
    let [tag, head, text @ .., _] = &mut *compressed;
    (*tag, *head) = (2, length); // y even
    text.get_mut(..chunk.len()).ok_or(too_long)?.copy_from_slice(chunk);
    for _ in 0..DRAWS {
        if let Some(counter) = compressed.last_chunk_mut::<1>() {
            rng.fill_bytes(counter);
        }
        if let Ok(point) = Point::from_compressed(compressed.as_ref()) {
            return Ok(GroupElement::new(point));
        }
    }
    Err(Error::MessageEncoding)
}

/// Appends the chunk that an element carries, and gives its length. Errors:
/// [`Error::MessageEncoding`].
fn decode(element: &GroupElement, message: &mut Vec<u8>) -> Result<usize, Error> {
    let compressed = element.to_bytes();
    let [tag, length, text @ .., _] = &*compressed;
    let length = usize::from(*length);
    let (chunk, padding) = text.split_at_checked(length).ok_or(Error::MessageEncoding)?;
    // An OR over all of it, not a search: where the padding is wrong is nobody's to know.
    if *tag != 2 || padding.iter().fold(0, |seen, byte| seen | byte) != 0 {
        return Err(Error::MessageEncoding);
    }
    message.extend_from_slice(chunk);
    Ok(length)
}

impl ElGamalPublicKey {
    /// Encrypts a byte string of at most 7679 bytes, one ciphertext with a random scalar of its own
    /// for each 30 bytes and one for the end: length/30 + 1 ciphertexts.
    ///
    /// For short strings of the classic scheme. Data belongs under an authenticated cipher with a key
    /// from the KEM. Lengths are not hidden.
    /// Errors: [`Error::MessageLength`]; [`Error::MessageEncoding`] with probability 2^-256 for
    /// each chunk. Timing: as [`encrypt`](Self::encrypt); the number of counters drawn shows. Cost:
    /// two multiplications and on average two square roots per ciphertext. Source: Koblitz 1987.
    pub fn encrypt_bytes(
        &self,
        message: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<ElGamalCiphertext>, Error> {
        if message.len() > MESSAGE_LEN {
            return Err(Error::MessageLength { limit: MESSAGE_LEN, found: message.len() });
        }
        let (full, last) = message.as_chunks::<CHUNK_LEN>();
        let chunks = full.iter().map(<[u8; _]>::as_slice).chain([last]);
        chunks.map(|chunk| encode(chunk, rng).map(|element| self.encrypt(&element, rng))).collect()
    }
}

impl ElGamalSecretKey {
    /// Decrypts what [`encrypt_bytes`](ElGamalPublicKey::encrypt_bytes) made, all of it, in order.
    ///
    /// Bytes that come out are not authentic: see the module's documentation.
    /// Errors: [`Error::MessageLength`] above 256 ciphertexts; [`Error::MessageEncoding`] where an
    /// element carries no chunk, a chunk before the last is not full, or the last one is (so
    /// also for no ciphertext at all); [`Error::Identity`]. Timing: as
    /// [`decrypt`](Self::decrypt); lengths show. Cost: one multiplication per ciphertext.
    pub fn decrypt_bytes(
        &self,
        ciphertexts: &[ElGamalCiphertext],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let found = ciphertexts.len().saturating_mul(CHUNK_LEN);
        if found > MESSAGE_LEN + 1 {
            return Err(Error::MessageLength { limit: MESSAGE_LEN, found });
        }
        // Never grown: growing would leave copies behind.
        let mut message = Zeroizing::new(Vec::with_capacity(found));
        let (last, full) = ciphertexts.split_last().ok_or(Error::MessageEncoding)?;
        for ciphertext in full {
            if decode(&self.decrypt(ciphertext)?, &mut message)? != CHUNK_LEN {
                return Err(Error::MessageEncoding);
            }
        }
        if decode(&self.decrypt(last)?, &mut message)? == CHUNK_LEN {
            return Err(Error::MessageEncoding);
        }
        Ok(message)
    }
}
