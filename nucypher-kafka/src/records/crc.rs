//! How a batch's CRC-32C changes when some of its bytes do, without reading the others.
//!
//! A CRC is affine: for messages of equal length crc(m) ^ crc(m') = c(m ^ m'), where c is the CRC
//! without its initial and final complement, a linear function: c(d) = d(x)·x³² mod P. So the
//! difference of the CRCs depends on the changed bytes and their distance from the end alone, and
//! applied to the *stored* CRC it leaves an upstream corruption as visible as it was
//! (`docs/spec/records.md`, "The CRC").
//!
//! Bytes left alone are zeros in d. Leading zeros change nothing; n zeros after a difference
//! multiply it by x⁸ⁿ, one carry-less multiplication for each non-zero byte of n.
//!
//! *Cost:* `crc/shift` and `crc/twice` in benchmark `patch`: about 30 ns for each EDEK
//! whatever the record's size, where computing the CRC before and after takes two passes.

use super::patch::EDEK_LEN;

/// The Castagnoli polynomial without x³², reflected: bit 31 is x⁰.
const POLYNOMIAL: u32 = 0x82F6_3B78;
const ONE: u32 = 1 << 31;

/// The difference between a CRC-32C before and after some changes, made front to back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CrcChange(u32);

impl CrcChange {
    /// Takes note of an EDEK that was replaced.
    #[inline]
    pub(super) fn replaced(self, old: &[u8; EDEK_LEN], new: &[u8; EDEK_LEN]) -> Self {
        // Two zeros in front change nothing and make it whole words for the CRC instruction.
        let mut difference = Words([0; EDEK_LEN + 2]);
        for ((to, old), new) in difference.0.iter_mut().skip(2).zip(old).zip(new) {
            *to = old ^ new;
        }
        Self(self.unchanged(EDEK_LEN).0 ^ linear(&difference.0))
    }

    /// Takes note of `len` bytes that stayed as they were. A batch has less than 2^31.
    #[inline]
    pub(super) fn unchanged(self, len: usize) -> Self {
        let mut crc = self.0;
        if crc != 0 {
            for (digit, powers) in len.to_le_bytes().into_iter().zip(&POWERS) {
                if digit != 0 {
                    crc = multiply(
                        crc,
                        powers.get(usize::from(digit)).copied().unwrap_or_default(),
                    );
                }
            }
        }
        Self(crc)
    }

    /// The CRC of the changed bytes, given that of the bytes before.
    pub(super) fn apply(self, crc: u32) -> u32 {
        crc ^ self.0
    }
}

/// Bytes that begin at an address divisible by eight, so that the CRC runs over words at once.
#[repr(align(8))]
struct Words<const N: usize>([u8; N]);

/// c(d): the CRC without initial and final complement.
#[inline]
fn linear(d: &[u8]) -> u32 {
    !crc32c::crc32c_append(!0, d)
}

/// a·b·x³³ mod P: the carry-less product, one bit short of 64, and the CRC of it as a message.
#[inline]
fn multiply(a: u32, b: u32) -> u32 {
    linear(&Words(carryless(a, b).to_le_bytes()).0)
}

/// The carry-less product of two 32-bit polynomials, by integer multiplication of every fourth
/// bit: at most eight ones meet in a column, so no carry reaches the next bit that is looked
/// at (the method of BearSSL's `ghash_ctmul`, Pornin 2016).
#[inline]
fn carryless(a: u32, b: u32) -> u64 {
    const EVERY_FOURTH: u64 = 0x1111_1111_1111_1111;
    let parts = |n: u32| [0, 1, 2, 3].map(|i| u64::from(n) & (EVERY_FOURTH << i));
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (parts(a), parts(b));
    let column = |i: u32, sum: u64| sum & (EVERY_FOURTH << i);
    column(0, (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1))
        | column(1, (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2))
        | column(2, (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3))
        | column(3, (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0))
}

/// `POWERS[k][d]` = x to the power 8·d·256ᵏ - 33, so that [`multiply`] by it shifts by d·256ᵏ bytes.
static POWERS: [[u32; 256]; 4] = powers();

const fn powers() -> [[u32; 256]; 4] {
    let mut table = [[0; 256]; 4];
    let mut base = ONE >> 8; // x⁸
    let mut k = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while k < 4 {
        let mut power = ONE;
        let mut i = 0;
        while i < 33 {
            power = divide_by_x(power);
            i += 1;
        }
        let mut d = 0;
        while d < 256 {
            table[k][d] = power;
            power = multiply_slowly(power, base);
            d += 1;
        }
        // base^256
        let mut i = 0;
        while i < 8 {
            base = multiply_slowly(base, base);
            i += 1;
        }
        k += 1;
    }
    table
}

/// a·x⁻¹ mod P.
const fn divide_by_x(a: u32) -> u32 {
    // P has a constant term: add it where a has one, and what remains is divisible.
    if a & ONE == 0 {
        a << 1
    } else {
        (a ^ POLYNOMIAL) << 1 | 1
    }
}

/// a·b mod P, bit by bit.
const fn multiply_slowly(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = ONE;
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        b = if b & 1 == 0 {
            b >> 1
        } else {
            (b >> 1) ^ POLYNOMIAL
        };
        bit >>= 1;
    }
    product
}

#[cfg(test)]
mod tests;
