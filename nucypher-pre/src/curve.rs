//! The curve: secp256k1, y² = x³ + 7 over F_p, prime order n, cofactor 1 (SEC 2 v2, section 2.4.1).
//!
//! This is the boundary behind which the arithmetic can change. A [`Point`] is never the identity
//! and a [`Scalar`] never zero, so a product of the two is again a point, and no operation here
//! can fail.

mod batch;
mod field;
mod fixed_base;
mod formulas;
mod inverse;
mod point;
mod scalar;
mod scalar_mul;
mod vartime;

pub use point::POINT_LEN;
pub(crate) use point::{Point, PreparedPoint};
pub use scalar::SCALAR_LEN;
pub(crate) use scalar::Scalar;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
