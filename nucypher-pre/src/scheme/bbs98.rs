//! BBS98 in ElGamal form (Blaze, Bleumer, Strauss, EUROCRYPT 1998, section 3.2): C = rA, S = rG,
//! rk = b/a, C' = rk·C = rB, S = C'/b.

use crate::curve::{Point, Scalar};

pub(super) fn encapsulate(r: &Scalar, to: &Point) -> (Point, Point) {
    (to.multiply(r), Point::generate(r))
}

pub(super) fn decapsulate(secret: &Scalar, capsule: &Point) -> Point {
    capsule.multiply(&secret.invert())
}

pub(super) fn delegate(from: &Scalar, to: &Scalar) -> Scalar {
    to.multiply(&from.invert())
}
