//! How a batch's CRC-32C changes when some of its bytes do, without reading the others.
//!
//! A CRC is affine: for messages of equal length crc(m) ^ crc(m') = c(m ^ m'), where c is the CRC
//! without its initial and final complement, a linear function: c(d) = d(x)·x³² mod P. So the
//! difference of the CRCs depends on the changed bytes and their distance from the end alone, and
//! applied to the *stored* CRC it leaves an upstream corruption as visible as it was
//! (`docs/spec/records.md`, "The CRC").
//!
//! Bytes left alone are zeros in d. Leading zeros change nothing; n zeros after a difference
//! multiply it by x⁸ⁿ: a table look-up for n below 2048, a carry-less multiplication for each further
//! digit in base 2048.
//!
//! *Cost:* `apply/..` in benchmark `patch`, next to `crc/twice/..`, which is what the CRC would cost
//! computed before and after.

use nucypher_envelope::EDEK_LEN;

/// The Castagnoli polynomial without x³², reflected: bit 31 is x⁰.
const POLYNOMIAL: u32 = 0x82F6_3B78;
const ONE: u32 = 1 << 31;

/// The difference between a CRC-32C before and after some changes, made front to back.
///
/// EDEKs that are equal and are replaced by equal ones have one difference d, and together they
/// change the CRC by c(d) times the sum of their shifts. So within [`BASE`] bytes an EDEK costs a
/// table look-up, and a run of equal ones a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CrcChange {
    /// The change as if the message ended `block` blocks before its end.
    sum: u32,
    block: usize,
    /// c(d) of the run at hand, and the shifts in this block that are not in the sum yet.
    difference: u32,
    shifts: u32,
}

impl CrcChange {
    /// What is replaced from now on is `old`, by `new`.
    #[inline]
    pub(super) fn begin(&mut self, old: &[u8; EDEK_LEN], new: &[u8; EDEK_LEN]) {
        self.gather();
        let mut difference = Words([0; EDEK_LEN + 2]);
        // Two zeros in front change nothing and make it whole words for the CRC instruction.
        let [_, _, bytes @ ..] = &mut difference.0;
        for ((to, old), new) in bytes.iter_mut().zip(old).zip(new) {
            *to = old ^ new;
        }
        self.difference = linear(&difference.0);
    }

    /// Takes note of an EDEK that was replaced, `after` bytes before the end of the message. A batch
    /// has less than 2^31.
    #[inline]
    pub(super) fn replaced(&mut self, after: usize) {
        let block = after / BASE;
        if block != self.block {
            self.gather();
            self.sum = shifted(self.sum, self.block.saturating_sub(block));
            self.block = block;
        }
        let [powers, ..] = &POWERS;
        self.shifts ^= powers.get(after % BASE).copied().unwrap_or_default();
    }

    #[inline]
    fn gather(&mut self) {
        if self.shifts != 0 {
            self.sum ^= multiply(self.difference, self.shifts);
            self.shifts = 0;
        }
    }

    /// The CRC of the changed bytes, given that of the bytes before.
    pub(super) fn apply(mut self, crc: u32) -> u32 {
        self.gather();
        crc ^ shifted(self.sum, self.block)
    }
}

/// `crc` after as many blocks of zeros.
#[inline]
fn shifted(mut crc: u32, mut blocks: usize) -> u32 {
    if crc == 0 {
        return crc;
    }
    let [_, powers @ ..] = &POWERS;
    for powers in powers {
        let digit = blocks % BASE;
        if digit != 0 {
            crc = multiply(crc, powers.get(digit).copied().unwrap_or_default());
        }
        blocks /= BASE;
    }
    crc
}

/// Bytes that begin at an address divisible by eight, so that the CRC runs over words at once.
#[repr(align(8))]
struct Words([u8; EDEK_LEN + 2]);

/// c(d): the CRC without initial and final complement.
#[inline]
fn linear(d: &[u8]) -> u32 {
    !crc32c::crc32c_append(!0, d)
}

/// a·b mod P.
#[inline]
fn multiply(a: u32, b: u32) -> u32 {
    // Reflected, the product ends one bit below the top; its lower half is what exceeds P.
    let product = carryless(a, b) << 1;
    let [b0, b1, b2, b3, l0, l1, l2, l3] = product.to_le_bytes();
    let mut reduced = u32::from_le_bytes([l0, l1, l2, l3]);
    for (byte, table) in [b0, b1, b2, b3].into_iter().zip(&REDUCTION) {
        reduced ^= table.get(usize::from(byte)).copied().unwrap_or_default();
    }
    reduced
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

/// Digits of a distance, and the bytes of a block.
const BASE: usize = 1 << 11;

/// `POWERS[k][d]` = x to the power 8·d·2048ᵏ.
static POWERS: [[u32; BASE]; 3] = powers();

/// `REDUCTION[i][byte]` = byte i of the part of a product that exceeds P, mod P.
static REDUCTION: [[u32; 256]; 4] = reduction();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn powers() -> [[u32; BASE]; 3] {
    let mut table = [[0; BASE]; 3];
    let mut base = ONE >> 8; // x⁸
    let mut k = 0;
    while k < table.len() {
        let mut power = ONE;
        let mut d = 0;
        while d < BASE {
            table[k][d] = power;
            power = multiply_slowly(power, base);
            d += 1;
        }
        base = power;
        k += 1;
    }
    table
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler"
)]
const fn reduction() -> [[u32; 256]; 4] {
    let mut table = [[0; 256]; 4];
    let mut i = 0;
    while i < 4 {
        let mut byte = 0;
        while byte < 256 {
            // times x³², which is P's lower part
            table[i][byte] = multiply_slowly((byte as u32) << (8 * i), POLYNOMIAL);
            byte += 1;
        }
        i += 1;
    }
    table
}

/// a·b mod P, bit by bit.
const fn multiply_slowly(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = ONE;
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        b = if b & 1 == 0 { b >> 1 } else { (b >> 1) ^ POLYNOMIAL };
        bit >>= 1;
    }
    product
}

#[cfg(test)]
mod tests;
