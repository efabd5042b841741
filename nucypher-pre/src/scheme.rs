//! The two suites, each one small module that states its equations.
//!
//! Delegator (a, A = aG), delegatee (b, B = bG), r fresh for each capsule:
//!
//! | suite | capsule | shared point S | rk | capsule after | S recovered as |
//! | --- | --- | --- | --- | --- | --- |
//! | [`Suite::Bbs98`] | C = rA | rG | b/a | C' = rB | C'/b |
//! | [`Suite::Ecies`] | C = rG | rA | a/b | C' = (ra/b)G | bC' |
//!
//! Both transform a capsule by C' = rk·C. What differs is who multiplies by what, so a key
//! belongs to one suite for its whole life and carries it.

mod bbs98;
mod ecies;

use core::{fmt, str::FromStr};

use crate::curve::{Point, Scalar};

/// The scheme to which a key belongs. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Suite {
    /// ElGamal form of Blaze, Bleumer, Strauss (EUROCRYPT 1998): C = rA, S = rG. The default.
    Bbs98 = 1,
    /// ECIES form: C = rG, S = rA.
    Ecies = 2,
}

/// A number or a name that is no suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSuite;

impl fmt::Display for UnknownSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown suite: use bbs98 or ecies")
    }
}

impl core::error::Error for UnknownSuite {}

impl Suite {
    /// The number on the wire, 1 or 2.
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Bbs98 => 1,
            Self::Ecies => 2,
        }
    }

    /// The suite of a number on the wire, if there is one.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Bbs98),
            2 => Some(Self::Ecies),
            _ => None,
        }
    }

    /// Encapsulates, given (rG, rA) for the ephemeral r: (C, S).
    pub(crate) fn encapsulate(self, (generated, multiplied): (Point, Point)) -> (Point, Point) {
        match self {
            Self::Bbs98 => bbs98::encapsulate(generated, multiplied),
            Self::Ecies => ecies::encapsulate(generated, multiplied),
        }
    }

    /// Recovers S from a capsule with the secret (b, or d) that opens it.
    pub(crate) fn decapsulate(self, secret: &Scalar, capsule: &Point) -> Point {
        match self {
            Self::Bbs98 => bbs98::decapsulate(secret, capsule),
            Self::Ecies => ecies::decapsulate(secret, capsule),
        }
    }

    /// The re-encryption key from the secret a to the secret b (or d).
    pub(crate) fn delegate(self, from: &Scalar, to: &Scalar) -> Scalar {
        match self {
            Self::Bbs98 => bbs98::delegate(from, to),
            Self::Ecies => ecies::delegate(from, to),
        }
    }

    /// What a re-encryption key from A to the target T does to public points: (P, Q) with
    /// rk·P = Q, which is (A, T) in suite 1 and (T, A) in suite 2.
    pub(crate) fn relation(self, delegator: &Point, target: &Point) -> (Point, Point) {
        match self {
            Self::Bbs98 => (*delegator, *target),
            Self::Ecies => (*target, *delegator),
        }
    }

    /// Whether rk leads from A to the target T.
    pub(crate) fn verify(self, rk: &Scalar, delegator: &Point, target: &Point) -> bool {
        let (base, image) = self.relation(delegator, target);
        base.multiply(rk) == image
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bbs98 => "bbs98",
            Self::Ecies => "ecies",
        })
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(text: &str) -> Result<Self, UnknownSuite> {
        match text {
            "bbs98" => Ok(Self::Bbs98),
            "ecies" => Ok(Self::Ecies),
            _ => Err(UnknownSuite),
        }
    }
}
