//! Re-encryption keys: how they are made, checked and carried.
//!
//! *Interactive*: from both private keys, rk = b/a (BBS98) or a/b (ECIES). Such keys compose:
//! b/a1 and b/a2 give a2/a1. *Non-interactive*, the default: from the delegatee's public key B
//! alone. Draw x, X = xG, D = xB, put d = H("nucypher/v1/grant" || suite || X || B || D) in the
//! place of b. The delegatee computes D = bX. T = dG is the key's target (B where interactive).

use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    capsule::Precursor,
    curve::{POINT_LEN, Point, SCALAR_LEN, Scalar},
    error::Error,
    key::{PublicKey, SecretKey},
    transcript,
};

/// How a re-encryption key was made, and so how the delegatee opens what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelegationKind {
    /// From both private keys. The result may be re-encrypted again.
    Interactive,
    /// From the delegatee's public key alone. The result may not be re-encrypted again.
    NonInteractive,
}

/// A re-encryption key rk that is known to lead from its delegator to its target. Secret: with
/// one party's private key it gives the other's. Wiped on drop.
///
/// Whoever holds it can re-encrypt, and opens nothing. Bytes from elsewhere are an
/// [`UnverifiedReencryptionKey`] until they are verified.
pub struct ReencryptionKey {
    scalar: Scalar,
    delegator: PublicKey,
    delegatee: PublicKey,
    precursor: Option<Precursor>,
    target: Point,
}

impl ReencryptionKey {
    /// Makes an interactive key from both private keys: rk = b/a (BBS98) or a/b (ECIES).
    ///
    /// Errors: [`Error::SuiteMismatch`], [`Error::SelfDelegation`].
    pub fn interactive(delegator: &SecretKey, delegatee: &SecretKey) -> Result<Self, Error> {
        check_pair(delegator.public_key(), delegatee.public_key())?;
        Ok(Self {
            scalar: delegator.suite().delegate(delegator.scalar(), delegatee.scalar()),
            delegator: delegator.public_key().clone(),
            delegatee: delegatee.public_key().clone(),
            precursor: None,
            target: *delegatee.public_key().point(),
        })
    }

    /// Makes a non-interactive key from the delegatee's public key: rk = d/a (BBS98) or a/d
    /// (ECIES), x drawn anew.
    ///
    /// Errors: [`Error::SuiteMismatch`], [`Error::SelfDelegation`]. Cost: three multiplications.
    pub fn non_interactive(
        delegator: &SecretKey,
        delegatee: &PublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        check_pair(delegator.public_key(), delegatee)?;
        let (precursor, d) = loop {
            let x = Scalar::random(rng);
            let precursor = Precursor(Point::generate(&x));
            match shared_scalar(delegatee, &precursor, &delegatee.point().multiply(&x)) {
                Err(Error::ZeroHash) => continue,
                scalar => break (precursor, scalar?),
            }
        };
        Ok(Self {
            scalar: delegator.suite().delegate(delegator.scalar(), &d),
            delegator: delegator.public_key().clone(),
            delegatee: delegatee.clone(),
            precursor: Some(precursor),
            target: Point::generate(&d),
        })
    }

    /// The suite of both keys.
    pub fn suite(&self) -> crate::Suite {
        self.delegator.suite()
    }

    /// How the key was made.
    pub fn kind(&self) -> DelegationKind {
        match self.precursor {
            None => DelegationKind::Interactive,
            Some(_) => DelegationKind::NonInteractive,
        }
    }

    /// X, which must travel with every capsule that a non-interactive key re-encrypted.
    pub fn precursor(&self) -> Option<&Precursor> {
        self.precursor.as_ref()
    }

    /// The key A whose capsules are re-encrypted.
    pub fn delegator(&self) -> &PublicKey {
        &self.delegator
    }

    /// The key B that opens the result.
    pub fn delegatee(&self) -> &PublicKey {
        &self.delegatee
    }

    /// The target T, compressed: B where interactive, dG where not. Public.
    pub fn target_bytes(&self) -> [u8; POINT_LEN] {
        self.target.to_compressed()
    }

    /// rk as 32 big-endian bytes. The result is the secret.
    pub fn to_scalar_bytes(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        self.scalar.to_bytes()
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    pub(crate) fn target(&self) -> &Point {
        &self.target
    }

    /// From parts that are known to belong together.
    pub(crate) fn from_parts(
        scalar: Scalar,
        delegator: PublicKey,
        delegatee: PublicKey,
        precursor: Option<Precursor>,
        target: Point,
    ) -> Self {
        Self { scalar, delegator, delegatee, precursor, target }
    }
}

impl fmt::Debug for ReencryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ReencryptionKey({}, {} -> {}, ..)",
            self.suite(),
            self.delegator.id(),
            self.delegatee.id()
        )
    }
}

/// A re-encryption key as it came from elsewhere. It cannot re-encrypt before it is verified:
///
/// ```compile_fail,E0599
/// # fn f(key: nucypher_pre::UnverifiedReencryptionKey, capsule: &nucypher_pre::Capsule) {
/// key.reencrypt(capsule);
/// # }
/// ```
pub struct UnverifiedReencryptionKey(ReencryptionKey);

impl UnverifiedReencryptionKey {
    /// Assembles a key from its parts. `precursor` is `None` for an interactive key; `target` is
    /// 33 bytes, `scalar` 32.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`], [`Error::ScalarRange`],
    /// [`Error::SuiteMismatch`], [`Error::SelfDelegation`].
    pub fn new(
        delegator: PublicKey,
        delegatee: PublicKey,
        precursor: Option<Precursor>,
        target: &[u8],
        scalar: &[u8],
    ) -> Result<Self, Error> {
        check_pair(&delegator, &delegatee)?;
        let target = Point::from_compressed(target)?;
        let scalar = Scalar::from_bytes(scalar)?;
        Ok(Self(ReencryptionKey { scalar, delegator, delegatee, precursor, target }))
    }

    /// Checks that rk leads from A to T: rk·A = T (BBS98) or rk·T = A (ECIES); and that T = B
    /// where the key is interactive.
    ///
    /// That T belongs to B is not shown by this where the key is non-interactive: only the
    /// delegatee can compute d. Who made the key vouches for it (in a grant, by a signature).
    /// Errors: [`Error::KeyMismatch`]. Cost: one multiplication.
    pub fn verify(self) -> Result<ReencryptionKey, Error> {
        let Self(key) = self;
        let leads_to_delegatee = key.precursor.is_some() || key.target == *key.delegatee.point();
        if leads_to_delegatee && key.suite().verify(&key.scalar, key.delegator.point(), &key.target)
        {
            Ok(key)
        } else {
            Err(Error::KeyMismatch)
        }
    }
}

impl fmt::Debug for UnverifiedReencryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified{:?}", self.0)
    }
}

/// d = H512("nucypher/v1/grant" || suite || X || B || D) mod n, with D = xB = bX.
pub(crate) fn shared_scalar(
    delegatee: &PublicKey,
    precursor: &Precursor,
    shared: &Point,
) -> Result<Scalar, Error> {
    let shared = Zeroizing::new(shared.to_compressed());
    transcript::hash_to_scalar(&[
        transcript::GRANT,
        &[delegatee.suite().as_byte()],
        &precursor.to_bytes(),
        &delegatee.to_bytes(),
        shared.as_ref(),
    ])
}

pub(crate) fn check_pair(delegator: &PublicKey, delegatee: &PublicKey) -> Result<(), Error> {
    if delegator.suite() != delegatee.suite() {
        return Err(Error::SuiteMismatch);
    }
    if delegator == delegatee {
        return Err(Error::SelfDelegation);
    }
    Ok(())
}
