//! The curve: secp256k1, y² = x³ + 7 over F_p, prime order n, cofactor 1 (SEC 2 v2, section 2.4.1).
//!
//! This is the boundary behind which the arithmetic can change: the rest of the crate knows
//! [`Point`] and [`Scalar`]. A [`Point`] is never the identity and a [`Scalar`] never zero, so a
//! product of the two is again a point, and no operation here can fail.
//!
//! | module | what | its source |
//! | --- | --- | --- |
//! | [`field`] | F_p: four full limbs, folding reduction | after libsecp256k1's `field.h` |
//! | [`inverse`] | 1/x mod p and mod n by divsteps | Bernstein, Yang 2019/266 |
//! | [`scalar`] | integers mod n: the secrets | |
//! | [`formulas`] | the group law: complete, and Jacobian | Renes, Costello, Batina 2016 |
//! | [`scalar_mul`] | k·P in a fixed pattern, and why no addition fails | GLV 2001; Hamburg 2012/309 |
//! | [`fixed_base`] | k·G, and k·P for a P used often | |
//! | [`vartime`] | k·P in variable time | Solinas 2000 |
//! | [`batch`] | one k, many P | Montgomery 1987; Eisentraeger, Lauter, Montgomery 2003 |
//! | [`pair`] | two field elements side by side | |
//! | [`point`] | encoding and the operations that the crate uses | SEC 1 v2, section 2.3 |
//!
//! Timing: constant in every secret, but for functions that end in `_vartime`; the proof is
//! `scripts/constant-time`, the discussion `docs/spec/pre.md`, "Timing". Decoding errors are public.
//! Cost on a 4 GHz Zen 5 core: one multiplication 16 us, of G 7 us, decoding a point 2.4 us
//! (`docs/benchmarks.md`).

mod batch;
mod field;
mod fixed_base;
mod formulas;
mod inverse;
mod pair;
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
