//! Points as arkworks' types, for whoever proves statements about them with arkworks.
//!
//! Public points only, checked on the way in. Scalars do not convert: arkworks' arithmetic is
//! variable time, so no secret of this crate goes there. Cost: two changes of encoding, and the
//! curve's equation on the way in.

use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use ark_secp256k1::{Affine, Fq};

use crate::{
    capsule::{Capsule, Precursor},
    curve::Point,
    error::Error,
    key::PublicKey,
    scheme::Suite,
};

fn to_ark(point: &Point) -> Affine {
    let [x, y] = point.coordinates().map(|bytes| Fq::from_be_bytes_mod_order(&bytes));
    Affine::new_unchecked(x, y)
}

fn from_ark(point: Affine) -> Result<Point, Error> {
    // The identity has no coordinates.
    let (x, y) = point.xy().ok_or(Error::NotOnCurve)?;
    let bytes = |coordinate: Fq| -> Result<[u8; 32], Error> {
        let bytes = coordinate.into_bigint().to_bytes_be();
        crate::error::array(&bytes).copied()
    };
    Point::from_coordinates(&bytes(x)?, &bytes(y)?)
}

impl From<&PublicKey> for Affine {
    fn from(key: &PublicKey) -> Self {
        to_ark(key.point())
    }
}

impl PublicKey {
    /// The public key with this point.
    ///
    /// Errors: [`Error::NotOnCurve`], also for the identity.
    pub fn from_ark(suite: Suite, point: Affine) -> Result<Self, Error> {
        from_ark(point).map(|point| Self::new(suite, point))
    }
}

macro_rules! point {
    ($name:ident) => {
        impl From<$name> for Affine {
            fn from(point: $name) -> Self {
                to_ark(&point.0)
            }
        }

        impl TryFrom<Affine> for $name {
            type Error = Error;

            /// Errors: [`Error::NotOnCurve`], also for the identity.
            fn try_from(point: Affine) -> Result<Self, Error> {
                from_ark(point).map(Self)
            }
        }
    };
}

point!(Capsule);
point!(Precursor);
