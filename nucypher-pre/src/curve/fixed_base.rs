//! k·B for one base B and many k: a table of 32^i·d·B for every window i and every odd digit d, so
//! that nothing is doubled.
//!
//! The digits are those of [`super::scalar_mul`], the λ half reads the same table and multiplies x
//! by β: 26 windows of 16 entries, 26 KiB, half of what a table without the endomorphism needs
//! for the same 52 additions. The table of G is [`GENERATOR`], in a file of
//! its own, which a test makes again and compares.
//!
//! No exceptions: the windows go upwards. Before window i the sum is (u, v) with |u|, |v| < 32^i, and the
//! entry adds ±32^i·d with d odd: the sum of the entries so far is never (0, 0) nor equal or opposite
//! to the next, by their size, and below window 25 all entries are under 2^126, too short for the
//! lattice (see [`super::scalar_mul`]). The two additions of the top window are complete.
//!
//! Cost: 50 additions, 26 multiplications by β, 2 complete additions: 610 multiplications, and two
//! scans of 16 entries a window.

mod generator;

use super::{
    batch,
    field::FieldElement,
    formulas::{Affine, Jacobian, Projective},
    scalar_mul::{BETA, Digit, Digits, ENTRIES, WINDOWS},
};

/// The odd multiples of 32^i·B.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) x: [FieldElement; ENTRIES],
    pub(super) y: [FieldElement; ENTRIES],
}

/// A table for one base.
pub(super) struct FixedBase(pub(super) [Row; WINDOWS]);

pub(super) use generator::GENERATOR;

impl FixedBase {
    /// Makes the table of a base, which is public. Cost: about 15 000 multiplications.
    pub(super) fn new(base: &Affine) -> Self {
        let mut base = *base;
        Self(core::array::from_fn(|_| {
            let (row, next) = Row::new(&base);
            base = next;
            row
        }))
    }

    /// scalar·B, constant time.
    pub(super) fn multiply(&self, digits: &Digits) -> Projective {
        let ([lowest, middle @ ..], highest) = digits.windows();
        let [first, rows @ .., last] = &self.0;
        let [entry, other] = first.select(*lowest);
        let mut sum = Jacobian::from_affine(&entry).add_affine(&other);
        for (row, &window) in rows.iter().zip(middle) {
            let [entry, other] = row.select(window);
            sum = sum.add_affine(&entry).add_affine(&other);
        }
        let [entry, other] = last.select(highest).map(|entry| Projective::from_affine(&entry));
        sum.to_projective(FieldElement::ONE).add(&entry).add(&other)
    }
}

impl Row {
    /// B, 3B .. 31B, and 32B for the next row.
    fn new(base: &Affine) -> (Self, Affine) {
        let twice = Jacobian::from_affine(base).double();
        let twice = twice.to_affine(twice.z.invert());
        // Nothing here is equal or opposite, in a group of large order.
        let mut points = [Jacobian::from_affine(base); ENTRIES];
        let mut last = Jacobian::from_affine(base);
        for point in points.iter_mut().skip(1) {
            last = last.add_affine(&twice);
            *point = last;
        }
        let next = last.add_affine(base);
        let mut inverses = [next.z; ENTRIES + 1];
        for (inverse, point) in inverses.iter_mut().zip(&points) {
            *inverse = point.z;
        }
        batch::invert_all(&mut inverses, FieldElement::invert);
        let [inverses @ .., inverse] = inverses;
        let (mut x, mut y) = ([FieldElement::ZERO; ENTRIES], [FieldElement::ZERO; ENTRIES]);
        let entries = x.iter_mut().zip(&mut y);
        for ((x, y), (point, inverse)) in entries.zip(points.iter().zip(inverses)) {
            let entry = point.to_affine(inverse);
            (*x, *y) = (entry.x, entry.y);
        }
        (Self { x, y }, next.to_affine(inverse))
    }

    /// The digits' multiples, the second one's under λ.
    #[inline(always)]
    fn select(&self, [u, v]: [Digit; 2]) -> [Affine; 2] {
        let Affine { x, y } = v.select(&self.x, &self.y);
        [u.select(&self.x, &self.y), Affine { x: x * BETA, y }]
    }
}

#[cfg(test)]
mod tests;
