//! k·B for one base B and many k: a table of 32^i·d·B for every window i and every odd digit d, so
//! that nothing is doubled.
//!
//! The digits are those of [`super::scalar_mul`], the λ half reads the same table and multiplies x
//! by β: 26 windows of 16 entries, 26 KiB, half of what a table without the endomorphism needs
//! for the same 52 additions. The table of G is made by the compiler ([`GENERATOR`]).
//!
//! No exceptions: the windows go upwards. Before window i the sum is (u, v) with |u|, |v| < 32^i, and the
//! entry adds ±32^i·d with d odd: the sum of the entries so far is never (0, 0) nor equal or opposite
//! to the next, by their size, and below window 25 all entries are under 2^126, too short for the
//! lattice (see [`super::scalar_mul`]). The two additions of the top window are complete.
//!
//! Cost: 50 additions, 26 multiplications by β, 2 complete additions: 610 multiplications, and two
//! scans of 16 entries a window.

use super::{
    field::FieldElement,
    formulas::{Affine, Jacobian, Projective},
    scalar::Scalar,
    scalar_mul::{BETA, Digit, Digits, ENTRIES, WINDOWS},
};

/// The odd multiples of 32^i·B.
#[derive(Clone, Copy)]
struct Row {
    x: [FieldElement; ENTRIES],
    y: [FieldElement; ENTRIES],
}

/// A table for one base.
pub(super) struct FixedBase([Row; WINDOWS]);

/// G (SEC 2 v2, section 2.4.1).
pub(super) const G: Affine = Affine {
    x: FieldElement::from_limbs([
        0x59f2_815b_16f8_1798,
        0x029b_fcdb_2dce_28d9,
        0x55a0_6295_ce87_0b07,
        0x79be_667e_f9dc_bbac,
    ]),
    y: FieldElement::from_limbs([
        0x9c47_d08f_fb10_d4b8,
        0xfd17_b448_a685_5419,
        0x5da4_fbfc_0e11_08a8,
        0x483a_da77_26a3_c465,
    ]),
};

/// The table of G.
#[expect(long_running_const_eval, reason = "416 points, about a second of the compiler's time")]
pub(super) static GENERATOR: FixedBase = FixedBase::new(&G);

impl FixedBase {
    /// Makes the table of a base. Cost: about 10 000 multiplications.
    #[expect(clippy::indexing_slicing, reason = "iterators are not `const`; bounds are constants")]
    pub(super) const fn new(base: &Affine) -> Self {
        let empty = Row { x: [FieldElement::ZERO; ENTRIES], y: [FieldElement::ZERO; ENTRIES] };
        let mut rows = [empty; WINDOWS];
        let mut base = *base;
        let mut window = 0;
        while window < WINDOWS {
            // B, 3B .. 31B and, for the next row, 32B, in Jacobian coordinates.
            let mut points = [Jacobian::from_affine(&base); ENTRIES + 1];
            let twice = Jacobian::from_affine(&base).double();
            let twice = twice.to_affine(twice.z.invert_by_power());
            // B + 2B: neither equal nor opposite, here and below, in a group of large order.
            let mut at = 1;
            while at < ENTRIES {
                points[at] = points[at - 1].add_affine(&twice);
                at += 1;
            }
            points[ENTRIES] = points[ENTRIES - 1].add_affine(&base);
            // One inversion for all: products[i] = z_0 .. z_(i-1).
            let mut products = [FieldElement::ONE; ENTRIES + 2];
            at = 0;
            while at <= ENTRIES {
                products[at + 1] = products[at].mul(points[at].z);
                at += 1;
            }
            let mut inverse = products[ENTRIES + 1].invert_by_power();
            while at > 0 {
                at -= 1;
                let point = points[at].to_affine(inverse.mul(products[at]));
                inverse = inverse.mul(points[at].z);
                if at == ENTRIES {
                    base = point;
                } else {
                    rows[window].x[at] = point.x;
                    rows[window].y[at] = point.y;
                }
            }
            window += 1;
        }
        Self(rows)
    }

    /// scalar·B, constant time.
    pub(super) fn multiply(&self, scalar: &Scalar) -> Projective {
        let digits = Digits::new(scalar);
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
    /// The digits' multiples, the second one's under λ.
    #[inline(always)]
    fn select(&self, [u, v]: [Digit; 2]) -> [Affine; 2] {
        let Affine { x, y } = v.select(&self.x, &self.y);
        [u.select(&self.x, &self.y), Affine { x: x * BETA, y }]
    }
}
