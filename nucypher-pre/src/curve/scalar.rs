//! Scalars modulo the group order n = 2^256 - C, C of 129 bits: the secrets of the crate.
//!
//! Four 64-bit limbs, little-endian, always below n, in plain (not Montgomery) form: a re-encryption
//! needs one scalar's digits and no product, so nothing is gained by a form that must be left
//! again. Products are folded with 2^256 = C (mod n).
//!
//! Timing: constant. The one thing about a scalar that becomes public is whether bytes were in
//! range, through [`declassify`]. Wiped on drop.

use core::{hint::black_box, num::NonZeroU8};

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::{
    field::{adc, multiply_add, sbb},
    inverse::{Modulus, Signed62},
};
use crate::error::{Error, array};

/// Length of a scalar, in bytes.
pub const SCALAR_LEN: usize = 32;

/// n.
const ORDER: [u64; 4] =
    [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff];
/// C = 2^256 - n, without its lead: 2^128 + C1·2^64 + C0.
const C0: u64 = 0x402d_a173_2fc9_bebf;
const C1: u64 = 0x4551_2319_50b7_5fc4;
/// n for the inversion.
const MODULUS: Modulus =
    Modulus::new(Signed62([0x3fd2_5e8c_d036_4141, 0x2abb_739a_bd22_80ee, -0x15, 0, 256]));

/// A non-zero scalar modulo n. Secret; wiped on drop.
#[derive(Clone)]
pub(crate) struct Scalar([u64; 4]);

/// Makes one bit public, by branching on it. The only branch on a secret in the crate: what it
/// shows is that bytes were a scalar (probability 1 - 2^-127 for random ones), which the result
/// shows as well; or that a sum is zero or the identity. `scripts/constant-time` excepts this
/// function by its name and nothing else.
#[inline(never)]
pub(super) fn declassify(bit: Choice) -> bool {
    // `black_box` in one branch alone keeps the compiler from making this a move of the bit.
    if bit.unwrap_u8() == 1 { black_box(true) } else { false }
}

fn is_zero([a0, a1, a2, a3]: &[u64; 4]) -> Choice {
    (a0 | a1 | a2 | a3).ct_eq(&0)
}

/// a - n where `carry` (2^256) or a >= n, else a. Requires: carry·2^256 + a < 2n.
fn subtract_order(a: [u64; 4], carry: bool) -> [u64; 4] {
    let (r0, b) = sbb(a[0], ORDER[0], false);
    let (r1, b) = sbb(a[1], ORDER[1], b);
    let (r2, b) = sbb(a[2], ORDER[2], b);
    let (r3, b) = sbb(a[3], ORDER[3], b);
    // Below n: a borrow and no carry.
    let keep = (u64::from(b) & !u64::from(carry)).wrapping_neg();
    let keep = black_box(keep);
    let pick = |reduced: u64, same: u64| reduced ^ (keep & (reduced ^ same));
    [pick(r0, a[0]), pick(r1, a[1]), pick(r2, a[2]), pick(r3, a[3])]
}

/// a + b mod n.
pub(super) fn add(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let (r0, c) = adc(a[0], b[0], false);
    let (r1, c) = adc(a[1], b[1], c);
    let (r2, c) = adc(a[2], b[2], c);
    let (r3, c) = adc(a[3], b[3], c);
    subtract_order([r0, r1, r2, r3], c)
}

/// a/2 mod n.
pub(super) fn half(a: &[u64; 4]) -> [u64; 4] {
    let odd = (a[0] & 1).wrapping_neg();
    let (r0, c) = adc(a[0], ORDER[0] & odd, false);
    let (r1, c) = adc(a[1], ORDER[1] & odd, c);
    let (r2, c) = adc(a[2], ORDER[2] & odd, c);
    let (r3, c) = adc(a[3], ORDER[3] & odd, c);
    [r0 >> 1 | r1 << 63, r1 >> 1 | r2 << 63, r2 >> 1 | r3 << 63, r3 >> 1 | u64::from(c) << 63]
}

/// a - b modulo 2^256.
pub(super) fn subtract_wrapping(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let (r0, c) = sbb(a[0], b[0], false);
    let (r1, c) = sbb(a[1], b[1], c);
    let (r2, c) = sbb(a[2], b[2], c);
    let (r3, _) = sbb(a[3], b[3], c);
    [r0, r1, r2, r3]
}

/// low + 2^256·high mod n.
fn reduce(mut low: [u64; 4], mut high: [u64; 4]) -> [u64; 4] {
    // low + C·high, four times: below 2^512, 2^386, 2^260, 2^256 + 2^132, and then 2^256, since
    // after the third a fifth limb leaves less than 2^132 beside it.
    for _ in 0..4 {
        let (r0, t) = multiply_add(low, C0, high);
        // Shifted by a limb at each step; the lead of C adds `high` itself.
        let (r1, t) = multiply_add(t, C1, high);
        let (t0, c) = adc(t[0], high[0], false);
        let (t1, c) = adc(t[1], high[1], c);
        let (t2, c) = adc(t[2], high[2], c);
        let (t3, c) = adc(t[3], high[3], c);
        (low, high) = ([r0, r1, t0, t1], [t2, t3, u64::from(c), 0]);
    }
    subtract_order(low, false)
}

/// The full product, low and high half.
pub(super) fn product(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], [u64; 4]) {
    let (t0, t) = multiply_add([0; 4], a[0], *b);
    let (t1, t) = multiply_add(t, a[1], *b);
    let (t2, t) = multiply_add(t, a[2], *b);
    let (t3, t) = multiply_add(t, a[3], *b);
    ([t0, t1, t2, t3], t)
}

fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.as_chunks().0) {
        *limb = u64::from_be_bytes(*chunk);
    }
    limbs
}

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
        let ([high, low], _) = bytes.as_chunks::<32>() else {
            return Err(Error::Length { expected: 64, found: bytes.len() });
        };
        let scalar = Self(reduce(limbs(low), limbs(high)));
        if declassify(!is_zero(&scalar.0)) { Ok(scalar) } else { Err(Error::ZeroHash) }
    }

    /// 32 big-endian bytes; zero and values >= n are errors.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let scalar = Self(limbs(array(bytes)?));
        let reduced = Zeroizing::new(subtract_order(scalar.0, false));
        let in_range = reduced.ct_eq(&scalar.0) & !is_zero(&scalar.0);
        if declassify(in_range) { Ok(scalar) } else { Err(Error::ScalarRange) }
    }

    /// 32 big-endian bytes.
    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        let mut bytes = Zeroizing::new([0u8; SCALAR_LEN]);
        for (limb, chunk) in self.0.iter().rev().zip(bytes.as_chunks_mut().0) {
            *chunk = limb.to_be_bytes();
        }
        bytes
    }

    /// 1/self.
    pub(crate) fn invert(&self) -> Self {
        Self(MODULUS.invert(self.0))
    }

    /// self · other.
    pub(crate) fn multiply(&self, other: &Self) -> Self {
        let (mut low, mut high) = product(&self.0, &other.0);
        let scalar = Self(reduce(low, high));
        low.zeroize();
        high.zeroize();
        scalar
    }

    /// A small public integer, such as the index of a share.
    pub(crate) fn from_index(index: NonZeroU8) -> Self {
        Self([u64::from(index.get()), 0, 0, 0])
    }

    /// self + other; `None` where they add up to zero, which becomes public.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        let sum = Self(add(&self.0, &other.0));
        declassify(!is_zero(&sum.0)).then_some(sum)
    }

    /// -self: n - self, which is not zero either.
    pub(crate) fn negate(&self) -> Self {
        Self(subtract_wrapping(ORDER, self.0))
    }

    /// The four limbs, little-endian.
    pub(super) fn limbs(&self) -> &[u64; 4] {
        &self.0
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
