//! ECIES form: C = rG, S = rA, rk = a/b, C' = rk·C = (ra/b)G, S = bC'.

use crate::curve::{Point, Scalar};

/// (C, S) from rG and rA.
pub(super) fn encapsulate(generated: Point, multiplied: Point) -> (Point, Point) {
    (generated, multiplied)
}

pub(super) fn decapsulate(secret: &Scalar, capsule: &Point) -> Point {
    capsule.multiply(secret)
}

pub(super) fn delegate(from: &Scalar, to: &Scalar) -> Scalar {
    from.multiply(&to.invert())
}
