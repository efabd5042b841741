//! The dealer's side: a sharing, its public commitment, and the shares.

use alloc::vec::Vec;
use core::{fmt, num::NonZeroU8};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    capsule::Precursor,
    curve::{POINT_LEN, Point, SCALAR_LEN, Scalar},
    delegation::{self, DelegationKind, ReencryptionKey},
    error::{Error, array},
    key::PublicKey,
    scheme::Suite,
    transcript,
};

/// Length of an encoded key share, in bytes.
pub const KEY_SHARE_LEN: usize = 1 + SCALAR_LEN;

const VERSION: u8 = 1;
/// version || suite || state || t || n || A || B || X || T, before the commitments.
const HEAD_LEN: usize = 5 + 4 * POINT_LEN;

impl ReencryptionKey {
    /// Shares the key among `shares` proxies side by side, any `threshold` of which can re-encrypt
    /// together; 2 <= threshold <= shares. Share i of the result has index i + 1.
    ///
    /// The [`Sharing`] is public; the shares are secrets, one for each proxy.
    /// Errors: [`Error::Threshold`]. Timing: as making a key. Cost: threshold - 1 + shares
    /// multiplications of points. Source: Shamir, "How to share a secret", CACM 22 (1979); the
    /// commitments: Feldman, FOCS 1987.
    pub fn share(
        &self,
        threshold: u8,
        shares: u8,
        rng: &mut impl CryptoRng,
    ) -> Result<(Sharing, Vec<KeyShare>), Error> {
        check_threshold(threshold, shares)?;
        loop {
            let coefficients: Vec<_> = (1..threshold).map(|_| Scalar::random(rng)).collect();
            if let Some(dealt) = self.deal(shares, &coefficients) {
                return Ok(dealt);
            }
        }
    }

    /// The sharing and the shares of f(x) = rk + a1·x + …; `None` where a share, or a partial sum of
    /// one, is zero (probability below 2^-240), and another polynomial is to be drawn.
    fn deal(&self, shares: u8, coefficients: &[Scalar]) -> Option<(Sharing, Vec<KeyShare>)> {
        let (base, _) = self.suite().relation(self.delegator().point(), self.target());
        let sharing = Sharing::assemble(
            shares,
            self.delegator().clone(),
            self.delegatee().clone(),
            self.precursor().copied(),
            *self.target(),
            coefficients.iter().map(|coefficient| base.multiply(coefficient)).collect(),
        );
        // Never grown: growing would leave copies of shares behind.
        let mut dealt = Vec::with_capacity(shares.into());
        for index in (1..=shares).filter_map(NonZeroU8::new) {
            let scalar = evaluate(self.scalar(), coefficients, index)?;
            let commitment = base.multiply(&scalar);
            dealt.push(KeyShare { index, scalar, commitment, sharing: sharing.clone() });
        }
        Some((sharing, dealt))
    }
}

/// f(index) by Horner's rule; `None` where a partial sum is zero.
fn evaluate(constant: &Scalar, coefficients: &[Scalar], index: NonZeroU8) -> Option<Scalar> {
    let x = Scalar::from_index(index);
    let mut rest = coefficients.iter().rev();
    let mut sum = rest.next()?.multiply(&x);
    for coefficient in rest {
        sum = sum.add(coefficient)?.multiply(&x);
    }
    sum.add(constant)
}

fn check_threshold(threshold: u8, shares: u8) -> Result<(), Error> {
    if (2..=shares).contains(&threshold) { Ok(()) } else { Err(Error::Threshold) }
}

/// What is public about a shared re-encryption key: between whom, how many shares, how many are
/// needed, and the commitments to the polynomial.
///
/// Encoded in 137 + 33·(threshold - 1) bytes. As with a re-encryption key's target, who made it
/// vouches for it (by a signature over these bytes): that it leads from A to T is in the
/// commitments, that T belongs to B only B can see.
#[derive(Clone)]
pub struct Sharing {
    shares: u8,
    delegator: PublicKey,
    delegatee: PublicKey,
    precursor: Option<Precursor>,
    target: Point,
    coefficients: Vec<Point>,
    digest: [u8; 32],
}

impl Sharing {
    fn assemble(
        shares: u8,
        delegator: PublicKey,
        delegatee: PublicKey,
        precursor: Option<Precursor>,
        target: Point,
        coefficients: Vec<Point>,
    ) -> Self {
        let mut sharing =
            Self { shares, delegator, delegatee, precursor, target, coefficients, digest: [0; 32] };
        sharing.digest = transcript::digest(&[transcript::SHARING, &sharing.to_bytes()]);
        sharing
    }

    /// Decodes version 1 || suite || state (1 interactive, 2 non-interactive) || t || n || A || B ||
    /// X (or zeros) || T || F_1 || … || F_(t-1), exactly.
    ///
    /// Errors: [`Error::Length`], [`Error::Unsupported`], [`Error::Threshold`],
    /// [`Error::NotOnCurve`], [`Error::SelfDelegation`]; [`Error::KeyMismatch`] where an
    /// interactive target is not B. Timing: public inputs. Cost: t + 3 square roots at most.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong_length = |expected| Error::Length { expected, found: bytes.len() };
        let (head, coefficients) =
            bytes.split_at_checked(HEAD_LEN).ok_or(wrong_length(HEAD_LEN + POINT_LEN))?;
        let [version, suite, state, threshold, shares, points @ ..]: &[u8; HEAD_LEN] = array(head)?;
        if *version != VERSION {
            return Err(Error::Unsupported { field: "version" });
        }
        let suite = Suite::from_byte(*suite).ok_or(Error::Unsupported { field: "suite" })?;
        check_threshold(*threshold, *shares)?;
        let expected = HEAD_LEN + POINT_LEN * (usize::from(*threshold) - 1);
        if bytes.len() != expected {
            return Err(wrong_length(expected));
        }
        let [delegator, delegatee, precursor, target] = points.as_chunks::<POINT_LEN>().0 else {
            return Err(wrong_length(expected));
        };
        let precursor = match state {
            1 if *precursor == [0; POINT_LEN] => None,
            2 => Some(Precursor::from_bytes(precursor)?),
            _ => return Err(Error::Unsupported { field: "state" }),
        };
        let delegator = PublicKey::from_bytes(suite, delegator)?;
        let delegatee = PublicKey::from_bytes(suite, delegatee)?;
        delegation::check_pair(&delegator, &delegatee)?;
        let target = Point::from_compressed(target)?;
        if precursor.is_none() && target != *delegatee.point() {
            return Err(Error::KeyMismatch);
        }
        let coefficients = coefficients
            .as_chunks::<POINT_LEN>()
            .0
            .iter()
            .map(|point| Point::from_compressed(point))
            .collect::<Result<_, _>>()?;
        Ok(Self::assemble(*shares, delegator, delegatee, precursor, target, coefficients))
    }

    /// Encodes as [`from_bytes`](Self::from_bytes) reads, 137 + 33·(threshold - 1) bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = match self.kind() {
            DelegationKind::Interactive => 1,
            DelegationKind::NonInteractive => 2,
        };
        let mut bytes = Vec::with_capacity(HEAD_LEN + POINT_LEN * self.coefficients.len());
        bytes.extend([VERSION, self.suite().as_byte(), state, self.threshold(), self.shares]);
        bytes.extend(self.delegator.to_bytes());
        bytes.extend(self.delegatee.to_bytes());
        bytes.extend(self.precursor.as_ref().map_or([0; POINT_LEN], Precursor::to_bytes));
        bytes.extend(self.target.to_compressed());
        bytes.extend(self.coefficients.iter().flat_map(|point| point.to_compressed()));
        bytes
    }

    /// The suite of both keys.
    pub fn suite(&self) -> Suite {
        self.delegator.suite()
    }

    /// How the shared key was made.
    pub fn kind(&self) -> DelegationKind {
        match self.precursor {
            None => DelegationKind::Interactive,
            Some(_) => DelegationKind::NonInteractive,
        }
    }

    /// How many shares are needed, t; at least 2.
    pub fn threshold(&self) -> u8 {
        // One less than the threshold, which is a byte.
        u8::try_from(self.coefficients.len()).map_or(u8::MAX, |count| count.saturating_add(1))
    }

    /// How many shares there are, n.
    pub fn shares(&self) -> u8 {
        self.shares
    }

    /// The key A whose capsules are re-encrypted.
    pub fn delegator(&self) -> &PublicKey {
        &self.delegator
    }

    /// The key B that opens the result.
    pub fn delegatee(&self) -> &PublicKey {
        &self.delegatee
    }

    /// X, with which the delegatee opens the result; `None` where the key is interactive.
    pub fn precursor(&self) -> Option<&Precursor> {
        self.precursor.as_ref()
    }

    /// The target T, compressed, 33 bytes: B where interactive. Public.
    pub fn target_bytes(&self) -> [u8; POINT_LEN] {
        self.target.to_compressed()
    }

    /// SHA-256("nucypher/v1/sharing" || encoding), which enters every fragment's proof.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// P, to which shares are committed.
    pub(super) fn base(&self) -> Point {
        self.suite().relation(self.delegator.point(), &self.target).0
    }

    pub(super) fn index(&self, index: u8) -> Result<NonZeroU8, Error> {
        NonZeroU8::new(index)
            .filter(|index| index.get() <= self.shares)
            .ok_or(Error::ShareIndex { found: index })
    }

    /// V_i = Q + i·F_1 + i²·F_2 + …, by Horner's rule; the identity is no share's.
    pub(super) fn commitment(&self, index: NonZeroU8) -> Result<Point, Error> {
        let x = Scalar::from_index(index);
        // `None` is the identity, with which the sum begins and which it may reach again.
        let sum = self.coefficients.iter().rev().fold(None, |sum: Option<Point>, coefficient| {
            sum.map_or(Some(*coefficient), |sum| sum.add(coefficient)).map(|sum| sum.multiply(&x))
        });
        let (_, image) = self.suite().relation(self.delegator.point(), &self.target);
        sum.map_or(Some(image), |sum| sum.add(&image)).ok_or(Error::Identity)
    }
}

impl PartialEq for Sharing {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Sharing {}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threshold, shares) = (self.threshold(), self.shares);
        let (from, to) = (self.delegator.id(), self.delegatee.id());
        write!(f, "Sharing({threshold} of {shares}, {}, {from} -> {to})", self.suite())
    }
}

/// One proxy's share s_i of a re-encryption key, known to be the one its sharing is committed to.
/// Secret; wiped on drop.
///
/// It makes fragments ([`KeyShare::reencrypt`]); the threshold's worth of shares is the key.
/// A share cannot stand where a whole re-encryption key is wanted:
///
/// ```compile_fail,E0308
/// # use nucypher_pre::{ReencryptionKey, split::KeyShare};
/// fn proxy(key: &ReencryptionKey) {}
/// fn f(share: &KeyShare) {
///     proxy(share);
/// }
/// ```
pub struct KeyShare {
    pub(super) index: NonZeroU8,
    pub(super) scalar: Scalar,
    /// V_i = s_i·P.
    pub(super) commitment: Point,
    pub(super) sharing: Sharing,
}

impl KeyShare {
    /// The share's index, from 1 to the number of shares.
    pub fn index(&self) -> u8 {
        self.index.get()
    }

    /// The sharing to which the share belongs.
    pub fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// Encodes index || s_i, 33 bytes. The result is the secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_SHARE_LEN]> {
        let mut bytes = Zeroizing::new([0; KEY_SHARE_LEN]);
        let (index, scalar) = bytes.split_at_mut(1);
        index.copy_from_slice(&[self.index.get()]);
        scalar.copy_from_slice(self.scalar.to_bytes().as_ref());
        bytes
    }
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyShare({}, {:?}, ..)", self.index, self.sharing)
    }
}

/// A key share as it came from elsewhere. Secret; wiped on drop. It makes no fragment before it
/// is verified:
///
/// ```compile_fail,E0599
/// # use nucypher_pre::{Capsule, os_rng, split::UnverifiedKeyShare};
/// fn f(share: &UnverifiedKeyShare, capsule: &Capsule) {
///     share.reencrypt(capsule, &mut os_rng());
/// }
/// ```
pub struct UnverifiedKeyShare {
    index: u8,
    scalar: Scalar,
}

impl UnverifiedKeyShare {
    /// Decodes index || s_i, exactly 33 bytes.
    ///
    /// Errors: [`Error::Length`]; [`Error::ScalarRange`] where s_i is zero or not below n.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let [index, scalar @ ..]: &[u8; KEY_SHARE_LEN] = array(bytes)?;
        Ok(Self { index: *index, scalar: Scalar::from_bytes(scalar)? })
    }

    /// Checks s_i·P = V_i, with V_i from the sharing's commitments.
    ///
    /// Errors: [`Error::ShareIndex`] where the sharing has no such share;
    /// [`Error::ShareMismatch`]; [`Error::Identity`] where the commitments add up to no share.
    /// Timing: as a re-encryption. Cost: t multiplications.
    pub fn verify(self, sharing: &Sharing) -> Result<KeyShare, Error> {
        let index = sharing.index(self.index)?;
        let commitment = sharing.commitment(index)?;
        if sharing.base().multiply(&self.scalar) != commitment {
            return Err(Error::ShareMismatch);
        }
        Ok(KeyShare { index, scalar: self.scalar, commitment, sharing: sharing.clone() })
    }
}

impl fmt::Debug for UnverifiedKeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedKeyShare({}, ..)", self.index)
    }
}
