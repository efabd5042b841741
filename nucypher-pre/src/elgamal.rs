//! ElGamal encryption on the curve, with the re-encryption of Blaze, Bleumer and Strauss: for users
//! of the classic scheme. **New protocols use the KEM** ([`PublicKey::encapsulate`]).
//!
//! ```text
//! encrypt M under A = aG   C1 = rA, C2 = M + rG          r fresh for every M, never zero
//! re-encrypt A -> B        C1' = rk·C1, rk = b/a         C2 as it is
//! decrypt                  M = C2 - (1/a)·C1
//! ```
//!
//! **CPA only.** A ciphertext can be changed so that its plaintext changes with it (C2 + D decrypts
//! to M + D), and it can be randomised anew. Nothing here authenticates: whoever needs that uses
//! the KEM with an authenticated cipher. Above all, decryption gives out group elements: with
//! C2 at will, it computes (1/a)·C1 for a C1 of anybody's choice, which for the same scalar under
//! the KEM is the shared point of any capsule. So the keys here are a type of their own with
//! encodings and key files of their own, and no way from one kind to the other:
//!
//! ```compile_fail,E0308
//! # use nucypher_pre::{SecretKey, elgamal::{ElGamalCiphertext, ElGamalSecretKey}};
//! fn decrypt(key: &ElGamalSecretKey, ciphertext: &ElGamalCiphertext) {}
//! fn f(kem_key: &SecretKey, ciphertext: &ElGamalCiphertext) {
//!     decrypt(kem_key, ciphertext);
//! }
//! ```
//!
//! ```compile_fail,E0277
//! # use nucypher_pre::{SecretKey, elgamal::ElGamalSecretKey};
//! fn f(kem_key: SecretKey) -> ElGamalSecretKey {
//!     kem_key.into()
//! }
//! ```
//!
//! ```compile_fail,E0277
//! # use nucypher_pre::{PublicKey, elgamal::ElGamalPublicKey};
//! fn f(key: ElGamalPublicKey) -> PublicKey {
//!     key.into()
//! }
//! ```
//!
//! ```compile_fail,E0308
//! # use nucypher_pre::{Capsule, elgamal::ElGamalReencryptionKey};
//! fn f(key: &ElGamalReencryptionKey, capsule: &Capsule) {
//!     key.reencrypt(capsule);
//! }
//! ```
//!
//! [`PublicKey::encapsulate`]: crate::PublicKey::encapsulate

mod delegation;
mod key;
mod message;

use core::fmt;

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    curve::{POINT_LEN, Point, Scalar},
    error::{Error, array},
};
pub use delegation::{
    ElGamalReencryptionKey, REENCRYPTION_KEY_LEN, UnverifiedElGamalReencryptionKey,
};
pub use key::{ElGamalPublicKey, ElGamalSecretKey, PUBLIC_KEY_LEN, SECRET_KEY_LEN};
pub use message::{CHUNK_LEN, MESSAGE_LEN};

/// Length of an encoded ciphertext, in bytes.
pub const CIPHERTEXT_LEN: usize = 2 * POINT_LEN;

/// A group element as a message, never the identity. Secret, as a plaintext is; wiped on drop.
///
/// Bytes are no group element before they are decoded:
///
/// ```compile_fail,E0308
/// # use nucypher_pre::{elgamal::ElGamalPublicKey, os_rng};
/// fn f(key: &ElGamalPublicKey, bytes: &[u8; 33]) {
///     key.encrypt(bytes, &mut os_rng());
/// }
/// ```
#[derive(Clone)]
pub struct GroupElement(Zeroizing<Point>);

impl GroupElement {
    pub(crate) fn new(point: Point) -> Self {
        Self(Zeroizing::new(point))
    }

    /// Draws an element, uniform but for the identity. Cost: one multiplication.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self::new(Point::generate(&Scalar::random(rng)))
    }

    /// Decodes SEC 1 compressed, exactly 33 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`]. Cost: one square root.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Point::from_compressed(bytes).map(Self::new)
    }

    /// Encodes SEC 1 compressed, 33 bytes. The result is the secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; POINT_LEN]> {
        Zeroizing::new(self.0.to_compressed())
    }

    fn point(&self) -> &Point {
        &self.0
    }
}

impl ConstantTimeEq for GroupElement {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.to_bytes().as_slice().ct_eq(other.to_bytes().as_slice())
    }
}

impl fmt::Debug for GroupElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupElement(..)")
    }
}

/// One encrypted group element, (C1, C2). Public, not authenticated; 66 bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ElGamalCiphertext {
    /// C1 = rA.
    hidden: Point,
    /// C2 = M + rG.
    masked: Point,
}

impl ElGamalCiphertext {
    /// Decodes C1 || C2, exactly 66 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`]. Cost: two square roots.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (hidden, masked) = array::<CIPHERTEXT_LEN>(bytes)?.split_at(POINT_LEN);
        Ok(Self {
            hidden: Point::from_compressed(hidden)?,
            masked: Point::from_compressed(masked)?,
        })
    }

    /// Encodes C1 || C2, 66 bytes.
    pub fn to_bytes(&self) -> [u8; CIPHERTEXT_LEN] {
        let mut bytes = [0; CIPHERTEXT_LEN];
        let (hidden, masked) = bytes.split_at_mut(POINT_LEN);
        hidden.copy_from_slice(&self.hidden.to_compressed());
        masked.copy_from_slice(&self.masked.to_compressed());
        bytes
    }
}

impl fmt::Debug for ElGamalCiphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ElGamalCiphertext(")?;
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl ElGamalPublicKey {
    /// Encrypts a group element: C1 = rA, C2 = M + rG, r drawn anew.
    ///
    /// Timing: for r and M that of the curve (the crate's documentation says which). Cost: two
    /// multiplications. Source: ElGamal, CRYPTO 1984; in this form Blaze, Bleumer, Strauss 1998,
    /// section 3.2.
    pub fn encrypt(&self, message: &GroupElement, rng: &mut impl CryptoRng) -> ElGamalCiphertext {
        loop {
            let r = Scalar::random(rng);
            let mask = Zeroizing::new(Point::generate(&r));
            // M = -rG has no encoding (probability 2^-256): draw again.
            if let Some(masked) = message.point().add(&mask) {
                return ElGamalCiphertext { hidden: self.point().multiply(&r), masked };
            }
        }
    }
}

impl ElGamalSecretKey {
    /// Decrypts a group element: M = C2 - (1/a)·C1.
    ///
    /// A ciphertext under another key, or one that was altered, gives another element, not an
    /// error. Do not give elements to whoever chooses ciphertexts (see the module's
    /// documentation, "CPA only").
    /// Errors: [`Error::Identity`] where M would be the identity, which nobody encrypts. Timing:
    /// for a that of the curve. Cost: one multiplication, one inversion of a scalar.
    pub fn decrypt(&self, ciphertext: &ElGamalCiphertext) -> Result<GroupElement, Error> {
        let mask = Zeroizing::new(ciphertext.hidden.multiply(&self.scalar().invert()));
        ciphertext.masked.add(&mask.negate()).map(GroupElement::new).ok_or(Error::Identity)
    }
}

impl ElGamalReencryptionKey {
    /// Re-encrypts from the delegator to the delegatee: C1' = rk·C1, C2 as it is.
    ///
    /// Requires: the ciphertext is one under the delegator's key; otherwise the result decrypts to
    /// something else. It may be re-encrypted again. C2 links it to what it was. Timing: for rk
    /// that of the curve. Cost: one multiplication. Source: Blaze, Bleumer, Strauss 1998, section
    /// 3.2.
    pub fn reencrypt(&self, ciphertext: &ElGamalCiphertext) -> ElGamalCiphertext {
        ElGamalCiphertext {
            hidden: ciphertext.hidden.multiply(self.scalar()),
            masked: ciphertext.masked,
        }
    }
}
