//! The data encapsulation: a DEK, its commitment, and AES-256-GCM-SIV (RFC 8452) under it.
//!
//! okm = HKDF-SHA-256(salt = empty, ikm = S, info = "nucypher/v1/dek" || suite || slot || delegating
//! key id), 48 bytes: the DEK and the commitment. GCM-SIV alone does not commit to its key: a
//! ciphertext can be made that opens under two DEKs to two texts (Dodis, Grubbs, Ristenpart,
//! Woodage, CRYPTO 2018). The commitment ties an EDEK to one DEK.
//!
//! Specification: `docs/spec/envelope.md`, "DEK and commitment". The DEK is secret.

use core::fmt;

use aes::Aes256Enc;
use aes_gcm_siv::{AesGcmSiv, KeyInit, aead::AeadInOut};
use nucypher_pre::{KeyId, SharedSecret, Suite};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::wire::DEK_LABEL;

/// AES-256-GCM-SIV over the encrypting half of AES, which is all that the mode uses: half the key
/// schedule to keep for each DEK, and to wipe.
type Aead = AesGcmSiv<Aes256Enc>;

/// A DEK's key schedule is wiped on drop; without the features that do it, this does not compile.
const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<Aes256Enc>();
};

/// The length of a nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// The length of a tag.
pub(crate) const TAG_LEN: usize = 16;

/// A data encryption key. Secret: wiped on drop, shown by nothing, compared and copied by nothing.
///
/// ```compile_fail,E0277
/// # use nucypher_envelope::{Edek, pre::{SecretKey, Suite, os_rng}};
/// # let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
/// let (_, dek) = Edek::encapsulate(key.public_key(), 0, &mut os_rng());
/// println!("{dek}"); // no Display
/// ```
///
/// ```compile_fail,E0599
/// # use nucypher_envelope::{Edek, pre::{SecretKey, Suite, os_rng}};
/// # let key = SecretKey::generate(Suite::Bbs98, &mut os_rng());
/// let (_, dek) = Edek::encapsulate(key.public_key(), 0, &mut os_rng());
/// let other = dek.clone(); // no Clone
/// ```
pub struct Dek {
    // Boxed: a move then copies a pointer, and leaves no key schedule behind.
    aead: Box<Aead>,
}

impl Dek {
    /// Derives the DEK and its commitment from the shared point, which is consumed.
    #[expect(clippy::indexing_slicing, reason = "48 bytes are 32 and 16")]
    pub(crate) fn derive(
        shared: SharedSecret,
        suite: Suite,
        slot: u8,
        delegating_id: KeyId,
    ) -> (Self, [u8; 16]) {
        let okm =
            shared.expand::<48>(&[DEK_LABEL, &[suite.as_byte(), slot], delegating_id.as_bytes()]);
        let (mut dek, mut commitment) = (Zeroizing::new([0; 32]), [0; 16]);
        dek.copy_from_slice(&okm[..32]);
        commitment.copy_from_slice(&okm[32..]);
        (Self::new(&dek), commitment)
    }

    /// Schedules the key.
    pub(crate) fn new(dek: &[u8; 32]) -> Self {
        Self { aead: Box::new(Aead::new(dek.into())) }
    }

    /// Encrypts the text where it lies and gives the tag; `None` if it is too long.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let tag = self.aead.encrypt_inout_detached(nonce.into(), aad, text.into()).ok()?;
        Some(tag.into())
    }

    /// Decrypts the text where it lies; `None` if it is not authentic, and then the text is
    /// ciphertext still. The tags are compared in constant time.
    #[must_use]
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Option<()> {
        self.aead.decrypt_inout_detached(nonce.into(), aad, text.into(), tag.into()).ok()
    }
}

impl fmt::Debug for Dek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dek(..)")
    }
}
