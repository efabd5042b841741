//! The consumer's side: fragments, their proofs, and the capsule that they add up to.

use core::{fmt, num::NonZeroU8};

use rand_core::CryptoRng;

use super::share::{KeyShare, Sharing};
use crate::{
    capsule::Capsule,
    curve::{POINT_LEN, Point, Scalar},
    error::{Error, array},
    proof::{PROOF_LEN, Proof, Statement},
    transcript,
};

/// Length of an encoded fragment, in bytes.
pub const FRAGMENT_LEN: usize = 1 + POINT_LEN + PROOF_LEN;

/// suite || index || digest of the sharing.
const CONTEXT_LEN: usize = 34;

/// "s_i·P = V_i and s_i·C = C_i".
fn statement(
    sharing: &Sharing,
    index: NonZeroU8,
    commitment: Point,
    capsule: &Capsule,
    point: Point,
) -> Statement<'static, CONTEXT_LEN> {
    let mut context = [0; CONTEXT_LEN];
    let (head, digest) = context.split_at_mut(2);
    head.copy_from_slice(&[sharing.suite().as_byte(), index.get()]);
    digest.copy_from_slice(sharing.digest());
    Statement::new(
        transcript::FRAGMENT_PROOF,
        context,
        [sharing.base(), commitment],
        [capsule.0, point],
    )
}

impl KeyShare {
    /// Makes this share's fragment of a capsule, C_i = s_i·C, with its proof.
    ///
    /// Requires: the capsule is one under the delegator's key, as for a whole key. Timing:
    /// for s_i and the proof's nonce that of the curve. Cost: three multiplications.
    pub fn reencrypt(&self, capsule: &Capsule, rng: &mut impl CryptoRng) -> CapsuleFragment {
        let point = capsule.0.multiply(&self.scalar);
        let statement = statement(&self.sharing, self.index, self.commitment, capsule, point);
        let proof = Proof::new(&statement, &self.scalar, rng);
        CapsuleFragment { index: self.index.get(), point, proof }
    }
}

/// One proxy's part of a re-encrypted capsule, as it travels: index || C_i || proof. Public; 98 bytes.
///
/// It cannot be combined before it is verified:
///
/// ```compile_fail,E0308
/// # use nucypher_pre::{Capsule, split::{CapsuleFragment, Sharing}};
/// fn f(sharing: &Sharing, capsule: &Capsule, fragments: &[CapsuleFragment]) {
///     let _ = sharing.combine(capsule, fragments);
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CapsuleFragment {
    index: u8,
    point: Point,
    proof: Proof,
}

impl CapsuleFragment {
    /// Decodes exactly 98 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`], [`Error::ScalarRange`]. Cost: one square
    /// root.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let [index, rest @ ..]: &[u8; FRAGMENT_LEN] = array(bytes)?;
        let (point, proof) = rest.split_at(POINT_LEN);
        Ok(Self {
            index: *index,
            point: Point::from_compressed(point)?,
            proof: Proof::from_bytes(proof)?,
        })
    }

    /// Encodes 98 bytes.
    pub fn to_bytes(&self) -> [u8; FRAGMENT_LEN] {
        let mut bytes = [0; FRAGMENT_LEN];
        let (index, rest) = bytes.split_at_mut(1);
        let (point, proof) = rest.split_at_mut(POINT_LEN);
        index.copy_from_slice(&[self.index]);
        point.copy_from_slice(&self.point.to_compressed());
        proof.copy_from_slice(&self.proof.to_bytes());
        bytes
    }

    /// The index of the share that claims to have made it.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Checks that this is share i's fragment of the capsule, so that a wrong one is known by its
    /// proxy's index and not only by a combination that opens for nobody.
    ///
    /// Errors: [`Error::ShareIndex`], [`Error::Proof`]; [`Error::Identity`] where the commitments
    /// add up to no share. Timing: public inputs. Cost: t + 3 multiplications.
    pub fn verify(&self, sharing: &Sharing, capsule: &Capsule) -> Result<VerifiedFragment, Error> {
        let index = sharing.index(self.index)?;
        let commitment = sharing.commitment(index)?;
        self.proof.verify(&statement(sharing, index, commitment, capsule, self.point))?;
        Ok(VerifiedFragment {
            index,
            point: self.point,
            capsule: *capsule,
            sharing: *sharing.digest(),
        })
    }
}

impl fmt::Debug for CapsuleFragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CapsuleFragment({}, {:?}, {:?})", self.index, Capsule(self.point), self.proof)
    }
}

/// A fragment whose proof was checked, for one capsule and one sharing. Made by
/// [`CapsuleFragment::verify`] alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifiedFragment {
    index: NonZeroU8,
    point: Point,
    capsule: Capsule,
    sharing: [u8; 32],
}

impl VerifiedFragment {
    /// The index of the share that made it.
    pub fn index(&self) -> u8 {
        self.index.get()
    }
}

impl fmt::Debug for VerifiedFragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedFragment({}, {:?})", self.index, Capsule(self.point))
    }
}

impl Sharing {
    /// Combines fragments of a capsule, as many as the threshold says or more, in any order, into
    /// the capsule that the whole key would have made: C' = Σ λ_i·C_i.
    ///
    /// Of more fragments than needed the first are taken. The delegatee opens the result as ever,
    /// with [`Sharing::precursor`] where there is one.
    /// Errors: [`Error::TooFewFragments`], [`Error::DuplicateIndex`],
    /// [`Error::FragmentMismatch`] for a fragment of another capsule or sharing; each of them
    /// for any of the fragments given. [`Error::Identity`] never, where the fragments were verified:
    /// they add up to rk·C. Timing: public inputs. Cost: t multiplications.
    pub fn combine(
        &self,
        capsule: &Capsule,
        fragments: &[VerifiedFragment],
    ) -> Result<Capsule, Error> {
        for (at, fragment) in fragments.iter().enumerate() {
            if fragment.capsule != *capsule || fragment.sharing != *self.digest() {
                return Err(Error::FragmentMismatch);
            }
            if fragments.iter().take(at).any(|before| before.index == fragment.index) {
                return Err(Error::DuplicateIndex { index: fragment.index.get() });
            }
        }
        let needed = usize::from(self.threshold());
        let fragments = fragments
            .get(..needed)
            .ok_or(Error::TooFewFragments { needed, found: fragments.len() })?;
        let mut sum = None; // the identity
        for fragment in fragments {
            let others = fragments.iter().map(|other| other.index);
            let lambda = lagrange_at_zero(fragment.index, others).ok_or(Error::FragmentMismatch)?;
            let term = fragment.point.multiply(&lambda);
            sum = sum.map_or(Some(term), |sum: Point| sum.add(&term));
        }
        sum.map(Capsule).ok_or(Error::Identity)
    }
}

/// λ_i = Π j/(j - i) over all j but i. `None` never, since the factors are not zero.
fn lagrange_at_zero(index: NonZeroU8, indices: impl Iterator<Item = NonZeroU8>) -> Option<Scalar> {
    let minus_index = Scalar::from_index(index).negate();
    let mut numerator = Scalar::from_index(NonZeroU8::MIN);
    let mut denominator = numerator.clone();
    for other in indices.filter(|other| *other != index) {
        let other = Scalar::from_index(other);
        denominator = denominator.multiply(&other.add(&minus_index)?);
        numerator = numerator.multiply(&other);
    }
    Some(numerator.multiply(&denominator.invert()))
}
