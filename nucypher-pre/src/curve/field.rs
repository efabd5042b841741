//! F_p, p = 2^256 - K with K = 2^32 + 977: the coordinates of points.
//!
//! Four 64-bit limbs, little-endian, **weakly reduced**: any value below 2^256 represents its
//! residue, so 0 and p are the same element. The contract is one for the whole module:
//!
//! * every function takes weakly reduced elements and gives weakly reduced ones;
//! * [`normalize`](FieldElement::normalize) gives the one representative below p, and what looks
//!   at a value ([`to_bytes`](FieldElement::to_bytes), [`is_zero`](FieldElement::is_zero),
//!   [`is_odd`](FieldElement::is_odd), equality) normalises first;
//! * so no caller ever counts magnitudes: since 2^256 = K (mod p), an overflow of 2^256 is folded
//!   back as +K at once, which costs two instructions more than to postpone it.
//!
//! Four full limbs instead of libsecp256k1's five of 52 bits: 16 + 5 multiplications instead of
//! 25 + 8, and the additions that pay for it run beside them.
//!
//! Timing: constant, but for functions that end in `_vartime`. A carry is a number from 0 to 1
//! that enters an addition or, negated, a mask; none is ever branched on. Cost on a 4 GHz Zen 5
//! core: 9 ns a multiplication or squaring in a chain and about 5 ns among independent ones, 2 to
//! 3 ns an addition.
//!
//! Why not `ark_ff`: its Montgomery form ends in a branch on the value, and secrets pass
//! through here. It is the oracle of the tests.

#![expect(clippy::cast_possible_truncation, reason = "limbs are the halves of 128-bit sums")]

use core::{
    hint::black_box,
    ops::{Add, Mul, Neg, Sub},
};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::DefaultIsZeroes;

use super::inverse::{Modulus, Signed62};

/// 2^256 - p.
pub(super) const K: u64 = 0x1_0000_03d1;

/// p for the inversion: 256·2^248 - K.
const MODULUS: Modulus = Modulus::new(Signed62([-0x1_0000_03d1, 0, 0, 0, 256]));

/// An element of F_p, weakly reduced.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FieldElement([u64; 4]);

/// a + b + carry, with the carry out.
#[inline(always)]
pub(super) const fn adc(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

/// a - b - borrow, with the borrow out.
#[inline(always)]
pub(super) const fn sbb(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow as u64);
    (difference, first | second)
}

/// All ones for true, zero for false.
#[inline(always)]
const fn mask(bit: bool) -> u64 {
    (bit as u64).wrapping_neg()
}

/// a·b as low and high half.
#[inline(always)]
const fn wide(a: u64, b: u64) -> (u64, u64) {
    let product = a as u128 * b as u128;
    (product as u64, (product >> 64) as u64)
}

/// t + a·b: the lowest limb, then the other four. Two carry chains, each without a gap, are what
/// compilers turn into `add`, `adc`, `adc`, `adc`.
#[inline(always)]
pub(super) const fn multiply_add(t: [u64; 4], a: u64, b: [u64; 4]) -> (u64, [u64; 4]) {
    let (l0, h0) = wide(a, b[0]);
    let (l1, h1) = wide(a, b[1]);
    let (l2, h2) = wide(a, b[2]);
    let (l3, h3) = wide(a, b[3]);
    let (l1, c) = l1.overflowing_add(h0);
    let (l2, c) = adc(l2, h1, c);
    let (l3, c) = adc(l3, h2, c);
    let h3 = h3.wrapping_add(c as u64); // no wrap: a·b < 2^320
    let (r0, c) = t[0].overflowing_add(l0);
    let (r1, c) = adc(t[1], l1, c);
    let (r2, c) = adc(t[2], l2, c);
    let (r3, c) = adc(t[3], l3, c);
    (r0, [r1, r2, r3, h3.wrapping_add(c as u64)]) // no wrap: t + a·b < 2^320
}

/// low + 2^256·high, both below 2^256, to below 2^256.
#[inline(always)]
const fn reduce(low: [u64; 4], high: [u64; 4]) -> FieldElement {
    // low + K·high < 2^256·(K + 1), so the fifth limb is at most K.
    let (r0, [r1, r2, r3, fifth]) = multiply_add(low, K, high);
    fold([r0, r1, r2, r3], fifth)
}

/// low + 2^256·fifth to below 2^256.
#[inline(always)]
const fn fold(low: [u64; 4], fifth: u64) -> FieldElement {
    let (l, h) = wide(fifth, K);
    let (r0, c) = low[0].overflowing_add(l);
    let (r1, c) = adc(low[1], h, c);
    let (r2, c) = adc(low[2], 0, c);
    let (r3, c) = adc(low[3], 0, c);
    // On a carry the rest is below fifth·K < 2^97, so r2 = r3 = 0 and the chain ends at r1.
    let (r0, c) = r0.overflowing_add(mask(c) & K);
    FieldElement([r0, r1.wrapping_add(c as u64), r2, r3])
}

impl FieldElement {
    pub(super) const ZERO: Self = Self([0; 4]);
    pub(super) const ONE: Self = Self([1, 0, 0, 0]);

    /// The element with these limbs, little-endian.
    pub(super) const fn from_limbs(limbs: [u64; 4]) -> Self {
        Self(limbs)
    }

    /// 32 big-endian bytes; `None` for values >= p. Whether it is `None` is public.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let mut limbs = [0u64; 4];
        for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.as_chunks().0) {
            *limb = u64::from_be_bytes(*chunk);
        }
        let element = Self(limbs);
        (element.normalize().0 == limbs).then_some(element)
    }

    /// 32 big-endian bytes of the representative below p.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        for (limb, chunk) in self.normalize().0.iter().rev().zip(bytes.as_chunks_mut().0) {
            *chunk = limb.to_be_bytes();
        }
        bytes
    }

    /// The representative below p.
    #[inline]
    pub(super) const fn normalize(self) -> Self {
        // a >= p exactly where a + K overflows, and then a + K - 2^256 = a - p.
        let [a0, a1, a2, a3] = self.0;
        let (r0, c) = a0.overflowing_add(K);
        let (r1, c) = adc(a1, 0, c);
        let (r2, c) = adc(a2, 0, c);
        let (r3, c) = adc(a3, 0, c);
        let m = mask(c);
        Self([
            a0 ^ (m & (a0 ^ r0)),
            a1 ^ (m & (a1 ^ r1)),
            a2 ^ (m & (a2 ^ r2)),
            a3 ^ (m & (a3 ^ r3)),
        ])
    }

    /// Whether it is 0 (mod p).
    #[inline]
    pub(super) fn is_zero(self) -> Choice {
        let [a0, a1, a2, a3] = self.normalize().0;
        (a0 | a1 | a2 | a3).ct_eq(&0)
    }

    /// Whether the representative below p is odd: the sign bit of SEC 1.
    #[inline]
    pub(super) fn is_odd(self) -> Choice {
        Choice::from((self.normalize().0[0] & 1) as u8)
    }

    /// self + other.
    #[inline(always)]
    pub(super) const fn add(self, other: Self) -> Self {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        let (r0, c) = a0.overflowing_add(b0);
        let (r1, c) = adc(a1, b1, c);
        let (r2, c) = adc(a2, b2, c);
        let (r3, c) = adc(a3, b3, c);
        let (r0, c) = r0.overflowing_add(mask(c) & K);
        let (r1, c) = adc(r1, 0, c);
        let (r2, c) = adc(r2, 0, c);
        let (r3, c) = adc(r3, 0, c);
        // On a second carry the rest is below K, and K + K < 2^64.
        Self([r0.wrapping_add(mask(c) & K), r1, r2, r3])
    }

    /// self - other.
    #[inline(always)]
    pub(super) const fn sub(self, other: Self) -> Self {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        let (r0, c) = a0.overflowing_sub(b0);
        let (r1, c) = sbb(a1, b1, c);
        let (r2, c) = sbb(a2, b2, c);
        let (r3, c) = sbb(a3, b3, c);
        let (r0, c) = r0.overflowing_sub(mask(c) & K);
        let (r1, c) = sbb(r1, 0, c);
        let (r2, c) = sbb(r2, 0, c);
        let (r3, c) = sbb(r3, 0, c);
        // On a second borrow the rest is at least 2^256 - K, so the lowest limb can give K more.
        Self([r0.wrapping_sub(mask(c) & K), r1, r2, r3])
    }

    /// -self.
    #[inline(always)]
    pub(super) const fn negate(self) -> Self {
        Self::ZERO.sub(self)
    }

    /// 2·self.
    #[inline(always)]
    pub(super) const fn double(self) -> Self {
        self.add(self)
    }

    /// factor·self for a small factor.
    #[inline(always)]
    pub(super) const fn multiply_small(self, factor: u32) -> Self {
        let (r0, [r1, r2, r3, fifth]) = multiply_add([0; 4], factor as u64, self.0);
        fold([r0, r1, r2, r3], fifth)
    }

    /// self/2.
    #[inline(always)]
    pub(super) const fn half(self) -> Self {
        // An odd element becomes even by adding p; the sum has 257 bits.
        let [a0, a1, a2, a3] = self.0;
        let m = mask(a0 & 1 == 1);
        let (r0, c) = a0.overflowing_add(m & K.wrapping_neg());
        let (r1, c) = adc(a1, m, c);
        let (r2, c) = adc(a2, m, c);
        let (r3, c) = adc(a3, m, c);
        Self([
            r0 >> 1 | r1 << 63,
            r1 >> 1 | r2 << 63,
            r2 >> 1 | r3 << 63,
            r3 >> 1 | (c as u64) << 63,
        ])
    }

    /// self·other. Cost: 21 multiplications of limbs.
    #[inline(always)]
    pub(super) const fn mul(self, other: Self) -> Self {
        let [a0, a1, a2, a3] = self.0;
        let (t0, t) = multiply_add([0; 4], a0, other.0);
        let (t1, t) = multiply_add(t, a1, other.0);
        let (t2, t) = multiply_add(t, a2, other.0);
        let (t3, t) = multiply_add(t, a3, other.0);
        reduce([t0, t1, t2, t3], t)
    }

    /// self². Cost: 15 multiplications of limbs.
    #[inline(always)]
    pub(super) const fn square(self) -> Self {
        let [a0, a1, a2, a3] = self.0;
        // The products of two different limbs, a row at a time:
        let (t1, h) = wide(a0, a1);
        let (t2, h2) = wide(a0, a2);
        let (t3, h3) = wide(a0, a3);
        let (t2, c) = t2.overflowing_add(h);
        let (t3, c) = adc(t3, h2, c);
        let t4 = h3.wrapping_add(c as u64);
        let (u3, h) = wide(a1, a2);
        let (u4, h4) = wide(a1, a3);
        let (u4, c) = u4.overflowing_add(h);
        let u5 = h4.wrapping_add(c as u64);
        let (u5b, t6) = wide(a2, a3);
        let (t3, c) = t3.overflowing_add(u3);
        let (t4, c) = adc(t4, u4, c);
        let (t5, c) = adc(u5, u5b, c);
        let t6 = t6.wrapping_add(c as u64);
        // twice (by additions: a shift across two limbs is slow on some processors),
        let (t1, c) = t1.overflowing_add(t1);
        let (t2, c) = adc(t2, t2, c);
        let (t3, c) = adc(t3, t3, c);
        let (t4, c) = adc(t4, t4, c);
        let (t5, c) = adc(t5, t5, c);
        let (t6, c) = adc(t6, t6, c);
        let t7 = c as u64;
        // and the squares.
        let (t0, h0) = wide(a0, a0);
        let (l1, h1) = wide(a1, a1);
        let (l2, h2) = wide(a2, a2);
        let (l3, h3) = wide(a3, a3);
        let (t1, c) = t1.overflowing_add(h0);
        let (t2, c) = adc(t2, l1, c);
        let (t3, c) = adc(t3, h1, c);
        let (t4, c) = adc(t4, l2, c);
        let (t5, c) = adc(t5, h2, c);
        let (t6, c) = adc(t6, l3, c);
        let (t7, _) = adc(t7, h3, c);
        reduce([t0, t1, t2, t3], [t4, t5, t6, t7])
    }

    /// 1/self, and 0 for 0. Cost: that of 140 multiplications (see [`super::inverse`]).
    pub(super) fn invert(self) -> Self {
        Self(MODULUS.invert(self.normalize().0))
    }

    /// 1/self, and 0 for 0, in a time that depends on self. Cost: that of 90 multiplications.
    pub(super) fn invert_vartime(self) -> Self {
        Self(MODULUS.invert_vartime(self.normalize().0))
    }

    /// Adds `entry & mask` limb by limb: one step of a scan over a table, which begins with zero
    /// and in which one mask is all ones and the others zero.
    #[inline(always)]
    pub(super) fn accumulate(&mut self, entry: &Self, mask: u64) {
        for (limb, other) in self.0.iter_mut().zip(entry.0) {
            *limb |= other & mask;
        }
    }

    /// -self where the mask is all ones, self where it is zero.
    #[inline(always)]
    pub(super) fn negate_if(self, mask: u64) -> Self {
        let mask = black_box(mask);
        let [a, b] = [self.0, self.negate().0];
        Self([
            a[0] ^ (mask & (a[0] ^ b[0])),
            a[1] ^ (mask & (a[1] ^ b[1])),
            a[2] ^ (mask & (a[2] ^ b[2])),
            a[3] ^ (mask & (a[3] ^ b[3])),
        ])
    }
}

/// What an addition chain needs: a field element, or several at once.
pub(super) trait Factor: Copy + Mul<Output = Self> {
    /// self².
    fn square(self) -> Self;

    /// self^(2^count).
    #[inline(always)]
    fn square_times(self, count: u32) -> Self {
        (0..count).fold(self, |power, _| power.square())
    }

    /// self^((p + 1)/4): a square root where there is one, since p = 3 (mod 4); the caller squares
    /// it to know. Cost: 253 squarings, 13 multiplications.
    fn square_root_candidate(self) -> Self {
        // (p + 1)/4 = 223 ones, 0, 22 ones, 0000, 11, 00, from runs of ones (libsecp256k1's chain).
        let x2 = self.square() * self;
        let x3 = x2.square() * self;
        let x6 = x3.square_times(3) * x3;
        let x9 = x6.square_times(3) * x3;
        let x11 = x9.square_times(2) * x2;
        let x22 = x11.square_times(11) * x11;
        let x44 = x22.square_times(22) * x22;
        let x88 = x44.square_times(44) * x44;
        let x176 = x88.square_times(88) * x88;
        let x220 = x176.square_times(44) * x44;
        let x223 = x220.square_times(3) * x3;
        (x223.square_times(23) * x22).square_times(6).mul(x2).square_times(2)
    }
}

impl Factor for FieldElement {
    #[inline(always)]
    fn square(self) -> Self {
        Self::square(self)
    }
}

impl Add for FieldElement {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::add(self, other)
    }
}

impl Sub for FieldElement {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::sub(self, other)
    }
}

impl Mul for FieldElement {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::mul(self, other)
    }
}

impl Neg for FieldElement {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.negate()
    }
}

impl ConditionallySelectable for FieldElement {
    #[inline(always)]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        let pick = |a, b| u64::conditional_select(&a, &b, choice);
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.0, b.0);
        Self([pick(a0, b0), pick(a1, b1), pick(a2, b2), pick(a3, b3)])
    }
}

impl ConstantTimeEq for FieldElement {
    #[inline]
    fn ct_eq(&self, other: &Self) -> Choice {
        (*self - *other).is_zero()
    }
}

impl DefaultIsZeroes for FieldElement {}

#[cfg(test)]
mod tests;
