//! ECIES form: C = rG, S = rA, rk = a/b, C' = rk·C = (ra/b)G, S = bC'.

use crate::curve::{Point, Scalar};

pub(super) fn encapsulate(r: &Scalar, to: &Point) -> (Point, Point) {
    (Point::generate(r), to.multiply(r))
}

pub(super) fn decapsulate(secret: &Scalar, capsule: &Point) -> Point {
    capsule.multiply(secret)
}

pub(super) fn delegate(from: &Scalar, to: &Scalar) -> Scalar {
    from.multiply(&to.invert())
}
