//! k·P with a fixed schedule: the same operations in the same order on the same addresses for
//! every k and every P.
//!
//! 1. **Endomorphism.** λ(x, y) = (βx, y) with λ³ = 1 (Gallant, Lambert, Vanstone, CRYPTO 2001). k
//!    becomes two halves of 130 bits; both walk down together.
//! 2. **Digits.** Every bit of a half counts as +1 or -1 (Hamburg, "Fast and compact elliptic-curve
//!    cryptography", eprint 2012/309; libsecp256k1's `ecmult_const_impl.h`), so five bits are an
//!    odd digit between -31 and 31. No digit is zero: there is nothing to skip and no case apart.
//! 3. **Table.** P, 3P .. 31P, by co-Z additions (Meloni, WAIFI 2007: two points that share Z are
//!    added for 4 multiplications and 2 squarings), then brought to one Z. On the isomorphic
//!    curve where that Z is 1 they are affine. An entry is read by a scan over all of them.
//! 4. **No exceptions, and why.** After j windows the accumulator is (u + vλ)P with u and v odd, so
//!    not zero, and |u|, |v| < 2^5j. Adding d to 32u, or then e to 32v: 0 < |d|, |e| < 32, so neither
//!    sum (32u ± d, 32v) nor (32u + d, 32v ± e) is (0, 0). Being the identity, or equal or opposite
//!    points, would then need a non-zero (u', v') with u' + v'λ = 0 (mod n), and the shortest of
//!    those has an entry of 2^127.8. Before the last of the 26 windows all entries are below 2^126.
//!    So Jacobian additions are right there for every k, and the two of the last window are
//!    complete ones. Doubling has no exceptions in a group of odd order.
//!
//! Cost: 125 doublings, 51 additions, a table of 16: about 1640 multiplications in F_p, against some
//! 1950 for complete formulas throughout with windows of four bits.

use core::hint::black_box;

use zeroize::{DefaultIsZeroes, Zeroize};

use super::{
    field::FieldElement,
    formulas::{Affine, Jacobian, Projective},
    scalar::{self, Scalar},
};

/// Bits of a digit.
pub(super) const WIDTH: usize = 5;
/// Digits of a half.
pub(super) const WINDOWS: usize = 26;
/// Odd multiples of a table: 1, 3 .. 31.
pub(super) const ENTRIES: usize = 1 << (WIDTH - 1);

/// β: a cube root of 1 in F_p; (βx, y) = λ(x, y).
pub(super) const BETA: FieldElement = FieldElement::from_limbs([
    0xc139_6c28_7195_01ee,
    0x9cf0_4975_12f5_8995,
    0x6e64_479e_ac34_34e9,
    0x7ae9_6a2b_657c_0710,
]);

/// The short vectors (A1, B1) and (A2, B2) of the lattice { (u, v) : u + vλ = 0 mod n }, found by
/// Euclid's algorithm on n and λ; B1 is negative and stands here as its absolute value, B2 = A1.
const A1: [u64; 4] = [0xe86c_90e4_9284_eb15, 0x3086_d221_a7d4_6bcd, 0, 0];
const A2: [u64; 4] = [0x57c1_108d_9d44_cfd8, 0x14ca_50f7_a8e2_f3f6, 1, 0];
const MINUS_B1: [u64; 4] = [0x6f54_7fa9_0abf_e4c3, 0xe443_7ed6_010e_8828, 0, 0];
/// round(2^384 B2/n) and round(2^384 (-B1)/n).
const G1: [u64; 4] =
    [0xe893_209a_45db_b031, 0x3daa_8a14_71e8_ca7f, 0xe86c_90e4_9284_eb15, 0x3086_d221_a7d4_6bcd];
const G2: [u64; 4] =
    [0x1571_b4ae_8ac4_7f71, 0x2212_08ac_9df5_06c6, 0x6f54_7fa9_0abf_e4c4, 0xe443_7ed6_010e_8828];
/// (2^130 - 2^129 - 1)(1 + λ) mod n.
const OFFSET: [u64; 4] =
    [0xb5c2_c1dc_de97_98d9, 0x589a_e848_26ba_29e4, 0xc2bd_d6bf_7c11_8d6b, 0xa4e8_8a7d_cb13_034e];

/// The integers (u, v) with u + vλ = k (mod n), modulo 2^256 and absolutely below 2^128.
///
/// c1 = round(k·B2/n), c2 = round(-k·B1/n), (u, v) = (k, 0) - c1(A1, B1) - c2(A2, B2). Since the results
/// are short it is enough to compute modulo 2^256.
pub(super) fn split(k: &[u64; 4]) -> [[u64; 4]; 2] {
    let round = |g: &[u64; 4]| {
        let (_, [_, low, c0, c1]) = scalar::product(k, g);
        // The quotient by 2^384, rounded by its next bit; at most 2^128 - 1 since g < 2^256 - 2^250.
        let (c0, carry) = c0.overflowing_add(low >> 63);
        [c0, c1.wrapping_add(u64::from(carry)), 0, 0]
    };
    let low = |c: &[u64; 4], factor: &[u64; 4]| scalar::product(c, factor).0;
    let (c1, c2) = (round(&G1), round(&G2));
    let u = scalar::subtract_wrapping(*k, low(&c1, &A1));
    let u = scalar::subtract_wrapping(u, low(&c2, &A2));
    let v = scalar::subtract_wrapping(low(&c1, &MINUS_B1), low(&c2, &A1));
    [u, v]
}

/// The digits of both halves of a scalar, lowest window first. Secret; wiped on drop.
pub(super) struct Digits([[Digit; 2]; WINDOWS]);

impl Digits {
    /// With v = (u, w) of 130 bits each, the digits count 2v - (2^130 - 1)(1 + λ), so v is made from
    /// (k + (2^130 - 1)(1 + λ))/2. The halves may be negative; 2^128 is added to each and taken
    /// off before, in [`OFFSET`].
    pub(super) fn new(scalar: &Scalar) -> Self {
        let mut shifted = scalar::half(&scalar::add(scalar.limbs(), &OFFSET));
        let mut halves = split(&shifted);
        shifted.zeroize();
        for [_, _, high, _] in &mut halves {
            *high = high.wrapping_add(1); // + 2^128: now from 0 to 2^129
        }
        let windows = core::array::from_fn(|_| {
            halves.each_mut().map(|[low, middle, high, _]| {
                let digit = Digit(low.to_le_bytes()[0] & 31);
                *low = *low >> WIDTH | *middle << (64 - WIDTH);
                *middle = *middle >> WIDTH | *high << (64 - WIDTH);
                *high >>= WIDTH;
                digit
            })
        });
        halves.zeroize();
        Self(windows)
    }

    /// The windows but the highest, lowest first, and the highest.
    #[inline]
    pub(super) fn windows(&self) -> (&[[Digit; 2]; WINDOWS - 1], [Digit; 2]) {
        let [rest @ .., highest] = &self.0;
        (rest, *highest)
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.0.as_flattened_mut().zeroize();
    }
}

/// One digit: five bits b for 2b - 31.
#[derive(Clone, Copy, Default)]
pub(super) struct Digit(u8);

impl DefaultIsZeroes for Digit {}

impl Digit {
    /// All ones where the digit is negative.
    #[inline(always)]
    pub(super) fn sign(self) -> u64 {
        u64::from(self.0 >> 4).wrapping_sub(1)
    }

    /// One mask for each entry of a table of odd multiples: all ones for the |digit|-fold, else
    /// zero.
    #[inline(always)]
    pub(super) fn masks(self) -> [u64; ENTRIES] {
        let index = (u64::from(self.0) ^ self.sign()) & 15;
        let mut at = 0;
        // Without the barrier a compiler could see through the masks and read one entry alone.
        black_box([(); ENTRIES].map(|()| {
            let mask = (at ^ index).wrapping_sub(1) >> 63;
            at += 1;
            u64::wrapping_neg(mask)
        }))
    }

    /// digit·P, out of the odd multiples of P: reads all of them.
    #[inline(always)]
    pub(super) fn select(
        self,
        xs: &[FieldElement; ENTRIES],
        ys: &[FieldElement; ENTRIES],
    ) -> Affine {
        let masks = self.masks();
        let (mut x, mut y) = (FieldElement::ZERO, FieldElement::ZERO);
        for (entry, &mask) in xs.iter().zip(&masks) {
            x.accumulate(entry, mask);
        }
        for (entry, &mask) in ys.iter().zip(&masks) {
            y.accumulate(entry, mask);
        }
        Affine { x, y: y.negate_if(self.sign()) }
    }
}

/// The N first odd multiples of a point and of its image under λ, affine on the curve to which
/// (x, y) -> (x z², y z³) leads. Not secret where the point is not.
pub(super) struct Table<const N: usize> {
    pub(super) x: [FieldElement; N],
    pub(super) lambda_x: [FieldElement; N],
    pub(super) y: [FieldElement; N],
    pub(super) z: FieldElement,
}

impl<const N: usize> Table<N> {
    /// Cost: 12 multiplications an entry: a co-Z addition, a change of Z, β.
    pub(super) fn new(point: &Affine) -> Self {
        // P and 2P with the Z of 2P, which is 2y.
        let yy = point.y.square();
        let s = (point.x * yy).double().double();
        let yyyy8 = yy.square().double().double().double();
        let xx = point.x.square();
        let m = xx.double() + xx;
        let twice_x = m.square() - s.double();
        let mut twice = Affine { x: twice_x, y: m * (s - twice_x) - yyyy8 };
        let mut last = Affine { x: s, y: yyyy8 };

        let (mut x, mut y) = ([last.x; N], [last.y; N]);
        let mut ratios = [FieldElement::ONE; N];
        for ((x, y), ratio) in x.iter_mut().zip(&mut y).zip(&mut ratios).skip(1) {
            // last + 2P, and 2P again, with the Z before times h. The two are never equal or
            // opposite: the order is a prime above 33.
            let h = last.x - twice.x;
            let hh = h.square();
            let (b, c) = (twice.x * hh, last.x * hh);
            let r = last.y - twice.y;
            let d = twice.y * (c - b);
            let sum_x = r.square() - b - c;
            last = Affine { x: sum_x, y: r * (b - sum_x) - d };
            twice = Affine { x: b, y: d };
            (*x, *y, *ratio) = (last.x, last.y, h);
        }
        // All of them to the Z of the last.
        let mut z = FieldElement::ONE;
        for ((x, y), ratio) in x.iter_mut().zip(&mut y).zip(&mut ratios).rev() {
            let zz = z.square();
            *x = *x * zz;
            *y = *y * (zz * z);
            z = z * *ratio;
        }
        Self { lambda_x: x.map(|x| x * BETA), x, y, z: point.y.double() * z }
    }
}

impl Table<ENTRIES> {
    /// The digits' multiples of P and of λP.
    #[inline(always)]
    fn select(&self, [u, v]: [Digit; 2]) -> [Affine; 2] {
        [u.select(&self.x, &self.y), v.select(&self.lambda_x, &self.y)]
    }
}

/// scalar·point, constant time: never the identity, since neither factor is zero.
pub(super) fn multiply(point: &Affine, digits: &Digits) -> Projective {
    let table = Table::<ENTRIES>::new(point);
    let ([lowest, middle @ ..], highest) = digits.windows();
    let [first, second] = table.select(highest);
    let mut sum = Jacobian::from_affine(&first).add_affine(&second);
    for &window in middle.iter().rev() {
        sum = (0..WIDTH).fold(sum, |sum, _| sum.double());
        let [first, second] = table.select(window);
        sum = sum.add_affine(&first).add_affine(&second);
    }
    sum = (0..WIDTH).fold(sum, |sum, _| sum.double());
    // The last window, complete, on the curve from which the table came.
    let [first, second] =
        table.select(*lowest).map(|entry| Jacobian::from_affine(&entry).to_projective(table.z));
    sum.to_projective(table.z).add(&first).add(&second)
}
