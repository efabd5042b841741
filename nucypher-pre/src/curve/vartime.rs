//! k·P in a time that depends on k: for scalars that are public, and for a caller that accepts what
//! `docs/spec/pre.md`, "Timing", says an observer learns.
//!
//! The halves of the endomorphism in non-adjacent form of width 5 (Solinas, "Efficient arithmetic
//! on Koblitz curves", 2000): digits 0, ±1, ±3 .. ±15, of which one in six is not zero. About 128
//! doublings, 43 additions and a table of 8: 1450 multiplications.
//!
//! Exceptions: an addition of equal or opposite points, or to the identity, gives Z = 0, and Z = 0
//! stays 0 to the end. It happens for some scalars whatever the point (see
//! [`super::scalar_mul`]: only at the lowest bits); those are multiplied by the complete formulas.

use super::{
    field::FieldElement,
    formulas::{Affine, Jacobian, Projective},
    scalar::{self, Scalar},
    scalar_mul::{self, Digits, Table},
};

/// Odd multiples of a table: 1, 3 .. 15.
pub(super) const ENTRIES: usize = 8;
/// A half has at most 128 bits, and its form one more digit.
const DIGITS: usize = 129;

/// What to do with the accumulator next.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// Double it.
    Double,
    /// Add an odd multiple.
    Add(Multiple),
}

/// ±(2 index + 1) P, or of λP.
#[derive(Clone, Copy)]
pub(super) struct Multiple {
    pub(super) index: usize,
    pub(super) negative: bool,
    pub(super) lambda: bool,
}

/// The digits of both halves, lowest first. Not wiped: its owner chose variable time.
pub(super) struct Schedule([[i8; DIGITS]; 2]);

impl Schedule {
    pub(super) fn new(scalar: &Scalar) -> Self {
        Self(scalar_mul::split(scalar.limbs()).map(non_adjacent_form))
    }

    /// The steps from the highest digit down, those before the first addition left out. The
    /// accumulator begins as the first multiple.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        let [u, v] = &self.0;
        u.iter()
            .zip(v)
            .rev()
            .flat_map(|(&u, &v)| {
                [Some(Step::Double), Step::add(u, false), Step::add(v, true)].into_iter().flatten()
            })
            .skip_while(|step| matches!(step, Step::Double))
    }
}

impl Step {
    fn add(digit: i8, lambda: bool) -> Option<Self> {
        (digit != 0).then(|| {
            let index = usize::from(digit.unsigned_abs() >> 1);
            Self::Add(Multiple { index, negative: digit < 0, lambda })
        })
    }
}

/// The width-5 non-adjacent form of a number modulo 2^256 that is absolutely below 2^128.
fn non_adjacent_form(number: [u64; 4]) -> [i8; DIGITS] {
    let negative = number[3] >> 63 == 1;
    let magnitude = if negative { scalar::subtract_wrapping([0; 4], number) } else { number };
    let mut rest = u128::from(magnitude[0]) | u128::from(magnitude[1]) << 64;
    let mut digits = [0i8; DIGITS];
    let mut skip = 0;
    // `rest` may gain 2^128 when a negative digit is taken at the very top.
    let mut top = false;
    for digit in &mut digits {
        if skip > 0 {
            skip -= 1;
        } else if rest & 1 == 1 {
            let low = (rest & 31) as i8;
            let value = if low > 15 { low - 32 } else { low };
            if value < 0 {
                let (sum, carry) = rest.overflowing_add(u128::from(value.unsigned_abs()));
                (rest, top) = (sum, top | carry);
            } else {
                rest -= u128::from(value.unsigned_abs());
            }
            *digit = if negative { -value } else { value };
            skip = 4;
        }
        rest = rest >> 1 | u128::from(top) << 127;
        top = false;
    }
    digits
}

impl Table<ENTRIES> {
    fn entry(&self, multiple: Multiple) -> Affine {
        let Multiple { index, negative, lambda } = multiple;
        let xs = if lambda { &self.lambda_x } else { &self.x };
        // The index of a digit below 16 is below 8.
        let (x, y) = (xs.get(index), self.y.get(index));
        let (x, y) = (x.copied().unwrap_or_default(), y.copied().unwrap_or_default());
        Affine { x, y: if negative { -y } else { y } }
    }
}

/// scalar·point with the points at x, y on the true curve: Jacobian, Z = 0 for an exception.
pub(super) fn multiply_jacobian(point: &Affine, schedule: &Schedule) -> Jacobian {
    let table = Table::<ENTRIES>::new(point);
    let mut steps = schedule.steps();
    let Some(Step::Add(first)) = steps.next() else {
        return Jacobian { x: FieldElement::ONE, y: FieldElement::ONE, z: FieldElement::ZERO };
    };
    let mut sum = Jacobian::from_affine(&table.entry(first));
    for step in steps {
        sum = match step {
            Step::Double => sum.double(),
            Step::Add(multiple) => sum.add_affine(&table.entry(multiple)),
        };
    }
    Jacobian { z: sum.z * table.z, ..sum }
}

/// scalar·point.
pub(super) fn multiply(point: &Affine, scalar: &Scalar) -> Affine {
    let sum = multiply_jacobian(point, &Schedule::new(scalar));
    if sum.z.is_zero().into() {
        let Projective { x, y, z } = scalar_mul::multiply(point, &Digits::new(scalar));
        let inverse = z.invert();
        return Affine { x: x * inverse, y: y * inverse };
    }
    sum.to_affine(sum.z.invert_vartime())
}
