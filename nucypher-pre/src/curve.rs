//! The curve: secp256k1, y² = x³ + 7 over F_p, prime order n, cofactor 1 (SEC 2 v2, section 2.4.1).
//!
//! This is the boundary behind which the arithmetic can change: nothing else in the crate names
//! arkworks. A [`Point`] is never the identity and a [`Scalar`] never zero, so a product of the
//! two is again a point, and no operation here can fail.
//!
//! Timing: **variable**. arkworks' multiplication skips leading zeros and branches on set bits,
//! its field operations end in a conditional subtraction (`docs/spec/pre.md`, "Timing").
//! Cost: one multiplication about 160 us, decoding a point 16 us on a 2.x GHz Zen 2 core.

use core::num::NonZeroU8;

use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, short_weierstrass::SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};
use ark_secp256k1::{Affine, Config, Fq, Fr, Projective};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, array};

/// Length of a compressed point, in bytes.
pub const POINT_LEN: usize = 33;
/// Length of a scalar, in bytes.
pub const SCALAR_LEN: usize = 32;

/// A non-zero scalar modulo n. Secret; wiped on drop.
#[derive(Clone)]
pub(crate) struct Scalar(Fr);

impl Scalar {
    /// Draws a scalar from 64 bytes modulo n (bias below 2^-255), again while it is zero.
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut wide = Zeroizing::new([0u8; 64]);
        loop {
            rng.fill_bytes(wide.as_mut());
            if let Ok(scalar) = Self::from_wide(&wide) {
                return scalar;
            }
        }
    }

    /// 64 big-endian bytes modulo n; zero is an error.
    pub(crate) fn from_wide(bytes: &[u8; 64]) -> Result<Self, Error> {
        let scalar = Fr::from_be_bytes_mod_order(bytes);
        if scalar == Fr::ZERO { Err(Error::ZeroHash) } else { Ok(Self(scalar)) }
    }

    /// 32 big-endian bytes; zero and values >= n are errors.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut integer = big_endian(array(bytes)?);
        let scalar = Fr::from_bigint(integer).filter(|s| *s != Fr::ZERO);
        integer.zeroize();
        scalar.map(Self).ok_or(Error::ScalarRange)
    }

    /// 32 big-endian bytes.
    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        let mut integer = self.0.into_bigint();
        let bytes = Zeroizing::new(big_endian_bytes(&integer));
        integer.zeroize();
        bytes
    }

    /// 1/self.
    pub(crate) fn invert(&self) -> Self {
        // A `Scalar` is never zero, so the inverse exists.
        Self(self.0.inverse().unwrap_or(Fr::ONE))
    }

    /// self · other.
    pub(crate) fn multiply(&self, other: &Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A point of the curve, never the identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point(Affine);

impl Point {
    /// scalar · G.
    pub(crate) fn generate(scalar: &Scalar) -> Self {
        Self((Projective::generator() * scalar.0).into_affine())
    }

    /// scalar · self. The hot operation of the whole project; benchmark `multiply/variable_base`.
    pub(crate) fn multiply(&self, scalar: &Scalar) -> Self {
        Self((self.0 * scalar.0).into_affine())
    }

    /// Decodes SEC 1 compressed, 33 bytes (SEC 1 v2, section 2.3.4). Cost: one square root.
    pub(crate) fn from_compressed(bytes: &[u8]) -> Result<Self, Error> {
        let [tag, x @ ..]: &[u8; POINT_LEN] = array(bytes)?;
        if *tag != 2 && *tag != 3 {
            return Err(Error::NotOnCurve);
        }
        let x = coordinate(x)?;
        let y = (x.square() * x + Config::COEFF_B).sqrt().ok_or(Error::NotOnCurve)?;
        // The order is odd, so no point has y = 0, and exactly one of y and -y is odd.
        let y = if y.into_bigint().is_odd() == (*tag == 3) { y } else { -y };
        Ok(Self(Affine::new_unchecked(x, y)))
    }

    /// Encodes SEC 1 compressed, 33 bytes (SEC 1 v2, section 2.3.3).
    pub(crate) fn to_compressed(self) -> [u8; POINT_LEN] {
        let (Some(x), Some(y)) = (self.0.x(), self.0.y()) else {
            // A `Point` is never the identity; 33 zeros do not decode.
            return [0; POINT_LEN];
        };
        let mut bytes = [0u8; POINT_LEN];
        let (tag, rest) = bytes.split_at_mut(1);
        tag.copy_from_slice(&[2 + u8::from(y.into_bigint().is_odd())]);
        rest.copy_from_slice(&big_endian_bytes(&x.into_bigint()));
        bytes
    }

    /// Decodes SEC 1 uncompressed (65 bytes, tag 4), as OpenSSL writes keys by default.
    #[cfg(feature = "pem")]
    pub(crate) fn from_uncompressed(bytes: &[u8]) -> Result<Self, Error> {
        let [tag, coordinates @ ..]: &[u8; 65] = array(bytes)?;
        let (x, y) = coordinates.split_at(32);
        let point = Affine::new_unchecked(coordinate(array(x)?)?, coordinate(array(y)?)?);
        if *tag == 4 && point.is_on_curve() { Ok(Self(point)) } else { Err(Error::NotOnCurve) }
    }
}

/// 32 big-endian bytes as a field element; values >= p are on no point.
fn coordinate(bytes: &[u8; 32]) -> Result<Fq, Error> {
    Fq::from_bigint(big_endian(bytes)).ok_or(Error::NotOnCurve)
}

fn big_endian(bytes: &[u8; 32]) -> BigInt<4> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.as_chunks().0) {
        *limb = u64::from_be_bytes(*chunk);
    }
    BigInt(limbs)
}

fn big_endian_bytes(integer: &BigInt<4>) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    for (limb, chunk) in integer.0.iter().rev().zip(bytes.as_chunks_mut().0) {
        *chunk = limb.to_be_bytes();
    }
    bytes
}

// Sums, for the schemes above the KEM: ElGamal, splitting, proofs. A sum may leave the types, so it
// is an `Option`: `None` where scalars add up to zero, points to the identity.

impl Scalar {
    /// A small public integer, such as the index of a share.
    pub(crate) fn from_index(index: NonZeroU8) -> Self {
        Self(Fr::from(index.get()))
    }

    /// self + other.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        let sum = self.0 + other.0;
        (sum != Fr::ZERO).then_some(Self(sum))
    }

    /// -self.
    pub(crate) fn negate(&self) -> Self {
        Self(-self.0)
    }
}

impl Point {
    /// self + other.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        let sum = (self.0 + other.0).into_affine();
        (!sum.is_zero()).then_some(Self(sum))
    }

    /// -self.
    pub(crate) fn negate(&self) -> Self {
        Self(-self.0)
    }
}

/// For points that are secret; what is left is no point and must not be used.
impl Zeroize for Point {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests;
