//! The Chaum-Pedersen proof that two points have one discrete logarithm to two bases.
//!
//! ```text
//! statement  w·P1 = Q1 and w·P2 = Q2
//! k = H512("nucypher/v1/proof-nonce" || w || 32 fresh bytes || label || context || P1 || Q1 || P2 || Q2) mod n
//! R1 = kP1, R2 = kP2
//! c = H512(label || context || P1 || Q1 || P2 || Q2 || R1 || R2) mod n
//! z = k + cw
//! proof c || z; it holds where c is that hash for R1 = zP1 - cQ1 and R2 = zP2 - cQ2
//! ```
//!
//! Label and context say what the statement is for; a label has one length of context. Every
//! base and every image enters c, so that no part of a statement can be chosen after the
//! challenge (Bernhard, Pereira, Warinschi, ASIACRYPT 2012).

use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::PROOF_LEN;
use crate::{
    curve::{POINT_LEN, Point, SCALAR_LEN, Scalar},
    error::{Error, array},
    transcript,
};

/// What is proven, with the bytes that enter the hashes.
pub(crate) struct Statement<'a, const N: usize> {
    label: &'a [u8],
    context: [u8; N],
    pairs: [[Point; 2]; 2],
    encoded: [[u8; POINT_LEN]; 4],
}

impl<'a, const N: usize> Statement<'a, N> {
    /// "One scalar leads from P1 to Q1 and from P2 to Q2."
    pub(crate) fn new(
        label: &'a [u8],
        context: [u8; N],
        first: [Point; 2],
        second: [Point; 2],
    ) -> Self {
        let ([p1, q1], [p2, q2]) = (first, second);
        let encoded = [p1, q1, p2, q2].map(Point::to_compressed);
        Self { label, context, pairs: [first, second], encoded }
    }

    fn nonce(&self, witness: &Scalar, fresh: &[u8; 32]) -> Result<Scalar, Error> {
        let witness = witness.to_bytes();
        transcript::hash_to_scalar(&[
            transcript::PROOF_NONCE,
            witness.as_ref(),
            fresh,
            self.label,
            &self.context,
            self.encoded.as_flattened(),
        ])
    }

    fn challenge(&self, commitments: [Point; 2]) -> Result<Scalar, Error> {
        transcript::hash_to_scalar(&[
            self.label,
            &self.context,
            self.encoded.as_flattened(),
            commitments.map(Point::to_compressed).as_flattened(),
        ])
    }
}

/// c and z. Public.
#[derive(Clone)]
pub(crate) struct Proof {
    challenge: Scalar,
    response: Scalar,
}

impl Proof {
    /// Proves a statement with its witness w. Requires: the statement holds.
    pub(crate) fn new<const N: usize>(
        statement: &Statement<'_, N>,
        witness: &Scalar,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut fresh = Zeroizing::new([0; 32]);
        loop {
            rng.fill_bytes(fresh.as_mut());
            if let Some(proof) = Self::with_randomness(statement, witness, &fresh) {
                return proof;
            }
        }
    }

    /// `None` where k, c or z is zero (probability below 2^-253).
    fn with_randomness<const N: usize>(
        statement: &Statement<'_, N>,
        witness: &Scalar,
        fresh: &[u8; 32],
    ) -> Option<Self> {
        let k = statement.nonce(witness, fresh).ok()?;
        let commitments = statement.pairs.map(|[base, _]| base.multiply(&k));
        let challenge = statement.challenge(commitments).ok()?;
        let response = challenge.multiply(witness).add(&k)?;
        Some(Self { challenge, response })
    }

    /// Checks the proof. Errors: [`Error::Proof`].
    pub(crate) fn verify<const N: usize>(&self, statement: &Statement<'_, N>) -> Result<(), Error> {
        let minus_c = self.challenge.negate();
        // z·base - c·image. The identity is no nonce's multiple: no honest proof has it.
        let commitment = |[base, image]: [Point; 2]| {
            base.multiply(&self.response).add(&image.multiply(&minus_c))
        };
        let [Some(first), Some(second)] = statement.pairs.map(commitment) else {
            return Err(Error::Proof);
        };
        match statement.challenge([first, second]) {
            Ok(challenge) if challenge.to_bytes() == self.challenge.to_bytes() => Ok(()),
            _ => Err(Error::Proof),
        }
    }

    /// c || z, 64 bytes; each a scalar.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; PROOF_LEN] = array(bytes)?;
        let (challenge, response) = bytes.split_at(SCALAR_LEN);
        Ok(Self {
            challenge: Scalar::from_bytes(challenge)?,
            response: Scalar::from_bytes(response)?,
        })
    }

    pub(crate) fn to_bytes(&self) -> [u8; PROOF_LEN] {
        let mut bytes = [0; PROOF_LEN];
        let (challenge, response) = bytes.split_at_mut(SCALAR_LEN);
        challenge.copy_from_slice(self.challenge.to_bytes().as_ref());
        response.copy_from_slice(self.response.to_bytes().as_ref());
        bytes
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for Proof {}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
