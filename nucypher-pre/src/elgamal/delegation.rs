//! Re-encryption keys of the classic scheme: from both private keys, rk = b/a.

use core::fmt;

use zeroize::Zeroizing;

use super::key::{ElGamalPublicKey, ElGamalSecretKey, TAG, untag};
use crate::{
    curve::{POINT_LEN, Point, SCALAR_LEN, Scalar},
    error::Error,
};

/// Length of an encoded re-encryption key, in bytes.
pub const REENCRYPTION_KEY_LEN: usize = 1 + 2 * POINT_LEN + SCALAR_LEN;

/// rk = b/a, known to lead from A to B: rk·A = B. Secret: with one party's private key it gives the
/// other's; wiped on drop.
///
/// It goes both ways (1/rk leads from B to A) and composes (b/a and c/b give c/a). Give it to a
/// proxy only between keys that may be linked so.
pub struct ElGamalReencryptionKey {
    scalar: Scalar,
    delegator: ElGamalPublicKey,
    delegatee: ElGamalPublicKey,
}

impl ElGamalReencryptionKey {
    /// Makes the key from both private keys: rk = b/a.
    ///
    /// Errors: [`Error::SelfDelegation`]. Cost: one inversion of a scalar. Source: Blaze, Bleumer,
    /// Strauss 1998, section 3.2.
    pub fn new(delegator: &ElGamalSecretKey, delegatee: &ElGamalSecretKey) -> Result<Self, Error> {
        check_pair(delegator.public_key(), delegatee.public_key())?;
        Ok(Self {
            scalar: delegatee.scalar().multiply(&delegator.scalar().invert()),
            delegator: delegator.public_key().clone(),
            delegatee: delegatee.public_key().clone(),
        })
    }

    /// The key A whose ciphertexts are re-encrypted.
    pub fn delegator(&self) -> &ElGamalPublicKey {
        &self.delegator
    }

    /// The key B that decrypts the result.
    pub fn delegatee(&self) -> &ElGamalPublicKey {
        &self.delegatee
    }

    /// Encodes the tag 0xE1 || A || B || rk, 99 bytes. The result is a secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; REENCRYPTION_KEY_LEN]> {
        let mut bytes = Zeroizing::new([TAG; REENCRYPTION_KEY_LEN]);
        let (_, rest) = bytes.split_at_mut(1);
        let (delegator, rest) = rest.split_at_mut(POINT_LEN);
        let (delegatee, scalar) = rest.split_at_mut(POINT_LEN);
        delegator.copy_from_slice(&self.delegator.point().to_compressed());
        delegatee.copy_from_slice(&self.delegatee.point().to_compressed());
        scalar.copy_from_slice(self.scalar.to_bytes().as_ref());
        bytes
    }

    pub(super) fn scalar(&self) -> &Scalar {
        &self.scalar
    }
}

impl fmt::Debug for ElGamalReencryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ElGamalReencryptionKey({} -> {}, ..)", self.delegator.id(), self.delegatee.id())
    }
}

/// A re-encryption key as it came from elsewhere. Secret; wiped on drop. It cannot re-encrypt before
/// it is verified:
///
/// ```compile_fail,E0599
/// # use nucypher_pre::elgamal::{ElGamalCiphertext, UnverifiedElGamalReencryptionKey};
/// fn f(key: &UnverifiedElGamalReencryptionKey, ciphertext: &ElGamalCiphertext) {
///     key.reencrypt(ciphertext);
/// }
/// ```
pub struct UnverifiedElGamalReencryptionKey(ElGamalReencryptionKey);

impl UnverifiedElGamalReencryptionKey {
    /// Decodes the tag 0xE1 || A || B || rk, exactly 99 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::Unsupported`], [`Error::NotOnCurve`],
    /// [`Error::ScalarRange`], [`Error::SelfDelegation`]. Cost: two square roots.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (delegator, rest) = untag(bytes, REENCRYPTION_KEY_LEN)?.split_at(POINT_LEN);
        let (delegatee, scalar) = rest.split_at(POINT_LEN);
        let delegator = ElGamalPublicKey::new(Point::from_compressed(delegator)?);
        let delegatee = ElGamalPublicKey::new(Point::from_compressed(delegatee)?);
        check_pair(&delegator, &delegatee)?;
        let scalar = Scalar::from_bytes(scalar)?;
        Ok(Self(ElGamalReencryptionKey { scalar, delegator, delegatee }))
    }

    /// Checks rk·A = B.
    ///
    /// Errors: [`Error::KeyMismatch`]. Timing: as a re-encryption. Cost: one multiplication.
    pub fn verify(self) -> Result<ElGamalReencryptionKey, Error> {
        let Self(key) = self;
        if key.delegator.point().multiply(&key.scalar) == *key.delegatee.point() {
            Ok(key)
        } else {
            Err(Error::KeyMismatch)
        }
    }
}

impl fmt::Debug for UnverifiedElGamalReencryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified{:?}", self.0)
    }
}

fn check_pair(delegator: &ElGamalPublicKey, delegatee: &ElGamalPublicKey) -> Result<(), Error> {
    if delegator == delegatee { Err(Error::SelfDelegation) } else { Ok(()) }
}
