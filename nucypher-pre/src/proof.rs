//! Verifiable re-encryption: a proof, for anyone with both capsules, that C' = rk·C.
//!
//! A proxy attaches it where whoever checks cannot open the result: an auditor, another proxy, a
//! payer. It is optional, travels outside the EDEK and is no part of the hot path. The statement
//! is about public points alone: with (P, Q) = (A, T) in suite 1 and (T, A) in suite 2, T the key's
//! target,
//!
//! ```text
//! there is one rk with  rk·P = Q  and  rk·C = C'
//! ```
//!
//! (Chaum, Pedersen, CRYPTO 1992, section 3.2), made non-interactive with a hash (Fiat, Shamir,
//! CRYPTO 1986). The point rk·G is no part of it and is never published: in suite 1 it is the
//! shared point of B, taken as a capsule under A. Equations and claims: `docs/spec/pre.md`, "Verifiable re-encryption".

mod dleq;

use core::fmt;

use rand_core::CryptoRng;

use crate::{
    capsule::Capsule,
    curve::{POINT_LEN, Point},
    delegation::ReencryptionKey,
    error::Error,
    key::PublicKey,
    transcript,
};
pub(crate) use dleq::{Proof, Statement};

/// Length of a proof, in bytes.
pub const PROOF_LEN: usize = 64;

/// The public part of a re-encryption key: its delegator A and its target T.
///
/// What a proof refers to. That T belongs to the intended delegatee is no part of a proof: who made
/// the key vouches for the pair (in a grant, by a signature).
#[derive(Clone, PartialEq, Eq)]
pub struct Delegation {
    delegator: PublicKey,
    target: [u8; POINT_LEN],
    base: Point,
    image: Point,
}

impl Delegation {
    /// The delegation from A, in A's suite, to the target T: 33 bytes, as
    /// [`ReencryptionKey::target_bytes`] gives them.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`]. Timing: public inputs. Cost: one square
    /// root.
    pub fn new(delegator: PublicKey, target: &[u8]) -> Result<Self, Error> {
        Point::from_compressed(target).map(|target| Self::from_point(delegator, &target))
    }

    pub(crate) fn from_point(delegator: PublicKey, target: &Point) -> Self {
        let (base, image) = delegator.suite().relation(delegator.point(), target);
        Self { delegator, target: target.to_compressed(), base, image }
    }

    /// The delegator's public key A.
    pub fn delegator(&self) -> &PublicKey {
        &self.delegator
    }

    /// The target T, compressed, 33 bytes.
    pub fn target_bytes(&self) -> [u8; POINT_LEN] {
        self.target
    }

    /// "rk·P = Q and rk·C = C'".
    fn statement(&self, capsule: &Capsule, reencrypted: &Capsule) -> Statement<'static, 1> {
        Statement::new(
            transcript::REENCRYPTION_PROOF,
            [self.delegator.suite().as_byte()],
            [self.base, self.image],
            [capsule.0, reencrypted.0],
        )
    }
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delegation({:?} -> ", self.delegator)?;
        self.target.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl ReencryptionKey {
    /// The public part of this key, to which its proofs refer.
    pub fn delegation(&self) -> Delegation {
        Delegation::from_point(self.delegator().clone(), self.target())
    }

    /// Re-encrypts as [`reencrypt`](Self::reencrypt) does, and proves it.
    ///
    /// The nonce is a hash of rk, of the statement and of 32 fresh bytes: a generator that repeats
    /// itself or is known to an adversary costs nothing but the freshness.
    /// Requires: as `reencrypt`. Timing: for rk and the nonce that of the curve. Cost: three multiplications. Source: Chaum and Pedersen
    /// 1992.
    pub fn reencrypt_with_proof(
        &self,
        capsule: &Capsule,
        rng: &mut impl CryptoRng,
    ) -> (Capsule, ReencryptionProof) {
        let reencrypted = self.reencrypt(capsule);
        let statement = self.delegation().statement(capsule, &reencrypted);
        (reencrypted, ReencryptionProof(Proof::new(&statement, self.scalar(), rng)))
    }
}

/// A claim that a capsule was re-encrypted with the key of a delegation. Public; 64 bytes on the
/// wire: c || z.
#[derive(Clone, PartialEq, Eq)]
pub struct ReencryptionProof(Proof);

impl ReencryptionProof {
    /// Decodes exactly 64 bytes, c || z, each a scalar.
    ///
    /// Errors: [`Error::Length`]; [`Error::ScalarRange`] where c or z is zero or not below n.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Proof::from_bytes(bytes).map(Self)
    }

    /// Encodes 64 bytes.
    pub fn to_bytes(&self) -> [u8; PROOF_LEN] {
        self.0.to_bytes()
    }

    /// Checks that `reencrypted` is rk·`capsule`, for the rk of the delegation.
    ///
    /// Ensures, for a prover that may be malicious: the statement holds, but for a chance of about
    /// 2^-256 for each hash that the prover computes. It does not say that the capsule was made
    /// under A, nor that T belongs to anyone.
    /// Errors: [`Error::Proof`]. Timing: public inputs. Cost: four multiplications.
    pub fn verify(
        &self,
        delegation: &Delegation,
        capsule: &Capsule,
        reencrypted: &Capsule,
    ) -> Result<VerifiedReencryption, Error> {
        self.0.verify(&delegation.statement(capsule, reencrypted))?;
        Ok(VerifiedReencryption { capsule: *capsule, reencrypted: *reencrypted })
    }
}

impl fmt::Debug for ReencryptionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReencryptionProof({:?})", self.0)
    }
}

/// A re-encryption whose proof was checked. There is no other way to have one:
///
/// ```compile_fail,E0308
/// # use nucypher_pre::proof::{ReencryptionProof, VerifiedReencryption};
/// fn pay(work: &VerifiedReencryption) {}
/// fn f(claim: &ReencryptionProof) {
///     pay(claim); // a claim
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use nucypher_pre::{Capsule, proof::VerifiedReencryption};
/// fn f(capsule: Capsule, reencrypted: Capsule) -> VerifiedReencryption {
///     VerifiedReencryption { capsule, reencrypted }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedReencryption {
    capsule: Capsule,
    reencrypted: Capsule,
}

impl VerifiedReencryption {
    /// C, before.
    pub fn capsule(&self) -> &Capsule {
        &self.capsule
    }

    /// C' = rk·C.
    pub fn reencrypted(&self) -> &Capsule {
        &self.reencrypted
    }
}
