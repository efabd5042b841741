//! BBS98 in ElGamal form (Blaze, Bleumer, Strauss, EUROCRYPT 1998, section 3.2): C = rA, S = rG,
//! rk = b/a, C' = rk·C = rB, S = C'/b.

use crate::curve::{Point, Scalar};

/// (C, S) from rG and rA.
pub(super) fn encapsulate(generated: Point, multiplied: Point) -> (Point, Point) {
    (multiplied, generated)
}

pub(super) fn decapsulate(secret: &Scalar, capsule: &Point) -> Point {
    capsule.multiply(&secret.invert())
}

pub(super) fn delegate(from: &Scalar, to: &Scalar) -> Scalar {
    to.multiply(&from.invert())
}
