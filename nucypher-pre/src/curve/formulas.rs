//! The group law of y² = x³ + 7, in the coordinates that the multiplications use.
//!
//! Every function is a fixed sequence of field operations, so its time is that of the field:
//! constant. They differ in the pairs of points for which they are right:
//!
//! * [`Projective::add`] is **complete**: right for any two points, identity included (Renes,
//!   Costello, Batina, "Complete addition formulas for prime order elliptic curves", EUROCRYPT
//!   2016, algorithm 7). Homogeneous: (X : Y : Z) is (X/Z, Y/Z), the identity (0 : 1 : 0).
//! * [`Jacobian`] addition is not: neither operand may be the identity, nor may they be equal or
//!   opposite. It costs 11 multiplications instead of 12 + 2 small, and doubling 7 instead of 8.
//!   (X, Y, Z) is (X/Z², Y/Z³). No formula here contains the 7, so they hold on every curve
//!   y² = x³ + b: [`super::scalar_mul`] uses that to have its table without an inversion.
//!
//! The tests run this file a second time over a small field and check every pair of points of a
//! curve with 31 points.

use super::field::FieldElement;

/// 3·7: what remains of the curve's equation in the complete formulas.
const B3: u32 = 21;

/// A point (x, y) that is not the identity.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) x: FieldElement,
    pub(super) y: FieldElement,
}

/// (X/Z², Y/Z³). Z = 0 only by a breach of a requirement below.
#[derive(Clone, Copy)]
pub(super) struct Jacobian {
    pub(super) x: FieldElement,
    pub(super) y: FieldElement,
    pub(super) z: FieldElement,
}

/// (X/Z, Y/Z), and (0 : 1 : 0) for the identity.
#[derive(Clone, Copy)]
pub(super) struct Projective {
    pub(super) x: FieldElement,
    pub(super) y: FieldElement,
    pub(super) z: FieldElement,
}

impl Jacobian {
    /// The same point with Z = 1.
    pub(super) const fn from_affine(point: &Affine) -> Self {
        Self { x: point.x, y: point.y, z: FieldElement::ONE }
    }

    /// 2·self. Right for every point: the order is odd, so no point but the identity is its own
    /// negative. Cost: 3 multiplications, 4 squarings.
    #[inline(always)]
    pub(super) const fn double(self) -> Self {
        let Self { x, y, z } = self;
        // L = 3X²/2, S = Y², T = XS (libsecp256k1, `secp256k1_gej_double`); what does not depend on
        // each other stands together, here and below, so that it overlaps in the processor.
        let xx = x.square();
        let s = y.square();
        let z3 = y.mul(z);
        let l = xx.double().add(xx).half();
        let t = x.mul(s);
        let ll = l.square();
        let ss = s.square();
        let x3 = ll.sub(t.double());
        let y3 = l.mul(t.sub(x3)).sub(ss);
        Self { x: x3, y: y3, z: z3 }
    }

    /// self + other. Requires: self is neither the identity nor ±other. Cost: 8
    /// multiplications, 3 squarings.
    #[inline(always)]
    pub(super) const fn add_affine(self, other: &Affine) -> Self {
        let Self { x, y, z } = self;
        let zz = z.square();
        let u = other.x.mul(zz);
        let zzz = z.mul(zz);
        let h = u.sub(x);
        let s = other.y.mul(zzz);
        let hh = h.square();
        let z3 = z.mul(h);
        let r = s.sub(y);
        let v = x.mul(hh);
        let hhh = h.mul(hh);
        let rr = r.square();
        let x3 = rr.sub(hhh.add(v.double()));
        let yhhh = y.mul(hhh);
        let y3 = r.mul(v.sub(x3)).sub(yhhh);
        Self { x: x3, y: y3, z: z3 }
    }

    /// The same point in affine coordinates, given 1/Z. Cost: 3 multiplications, 1 squaring.
    #[inline]
    pub(super) const fn to_affine(self, inverse_z: FieldElement) -> Affine {
        let zz = inverse_z.square();
        Affine { x: self.x.mul(zz), y: self.y.mul(zz.mul(inverse_z)) }
    }

    /// The same point on the curve from which this one came by (x, y) -> (x s², y s³), in
    /// homogeneous coordinates. Cost: 3 multiplications, 1 squaring.
    #[inline]
    pub(super) const fn to_projective(self, s: FieldElement) -> Projective {
        // There it is (X, Y, Z·s).
        let z = self.z.mul(s);
        Projective { x: self.x.mul(z), y: self.y, z: z.square().mul(z) }
    }
}

impl Projective {
    /// The same point with Z = 1.
    pub(super) const fn from_affine(point: &Affine) -> Self {
        Self { x: point.x, y: point.y, z: FieldElement::ONE }
    }

    /// self + other, for any two points. Cost: 12 multiplications and 2 by 21.
    #[inline]
    pub(super) const fn add(self, other: &Self) -> Self {
        let xx = self.x.mul(other.x);
        let yy = self.y.mul(other.y);
        let zz = self.z.mul(other.z);
        // X1 Y2 + X2 Y1, and so on, by one multiplication each.
        let xy = self.x.add(self.y).mul(other.x.add(other.y)).sub(xx.add(yy));
        let yz = self.y.add(self.z).mul(other.y.add(other.z)).sub(yy.add(zz));
        let xz = self.x.add(self.z).mul(other.x.add(other.z)).sub(xx.add(zz));
        let (xz, zz) = (xz.multiply_small(B3), zz.multiply_small(B3));
        let xx3 = xx.double().add(xx);
        let (plus, minus) = (yy.add(zz), yy.sub(zz));
        Self {
            x: xy.mul(minus).sub(yz.mul(xz)),
            y: plus.mul(minus).add(xx3.mul(xz)),
            z: yz.mul(plus).add(xx3.mul(xy)),
        }
    }
}
