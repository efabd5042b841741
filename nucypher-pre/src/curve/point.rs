//! Points at the boundary: on the curve, affine, never the identity.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{
    field::FieldElement,
    fixed_base::GENERATOR,
    formulas::{Affine, Projective},
    scalar::Scalar,
    scalar_mul,
};
use crate::error::{Error, array};

/// Length of a compressed point, in bytes.
pub const POINT_LEN: usize = 33;

/// The 7 of y² = x³ + 7.
const B: FieldElement = FieldElement::from_limbs([7, 0, 0, 0]);

/// A point of the curve, never the identity.
#[derive(Clone, Copy)]
pub(crate) struct Point(Affine);

impl Point {
    /// scalar · G. Constant time; benchmark `generate/fixed_base`.
    pub(crate) fn generate(scalar: &Scalar) -> Self {
        Self::from_projective(&GENERATOR.multiply(scalar))
    }

    /// scalar · self. Constant time; the hot operation of the whole project; benchmark
    /// `multiply/fixed_pattern`.
    pub(crate) fn multiply(&self, scalar: &Scalar) -> Self {
        Self::from_projective(&scalar_mul::multiply(&self.0, scalar))
    }

    /// Requires: not the identity. The inversion is constant time also where the point is public:
    /// Z still knows the scalar (Naccache, Smart, Stern, EUROCRYPT 2004).
    fn from_projective(point: &Projective) -> Self {
        let inverse = point.z.invert();
        Self(Affine { x: point.x * inverse, y: point.y * inverse })
    }

    /// Decodes SEC 1 compressed, 33 bytes (SEC 1 v2, section 2.3.4). Constant time but for the
    /// error. Cost: one square root, 270 multiplications.
    pub(crate) fn from_compressed(bytes: &[u8]) -> Result<Self, Error> {
        let [tag, x @ ..]: &[u8; POINT_LEN] = array(bytes)?;
        if *tag != 2 && *tag != 3 {
            return Err(Error::NotOnCurve);
        }
        let x = FieldElement::from_bytes(x).ok_or(Error::NotOnCurve)?;
        let square = x.square() * x + B;
        let y = square.square_root_candidate();
        if !bool::from(y.square().ct_eq(&square)) {
            return Err(Error::NotOnCurve);
        }
        // The order is odd, so no point has y = 0, and exactly one of y and -y is odd.
        let wrong = y.is_odd() ^ Choice::from(*tag & 1);
        Ok(Self(Affine { x, y: FieldElement::conditional_select(&y, &-y, wrong) }))
    }

    /// Encodes SEC 1 compressed, 33 bytes (SEC 1 v2, section 2.3.3). Constant time.
    pub(crate) fn to_compressed(self) -> [u8; POINT_LEN] {
        let mut bytes = [0u8; POINT_LEN];
        let (tag, rest) = bytes.split_at_mut(1);
        tag.copy_from_slice(&[2 + self.0.y.is_odd().unwrap_u8()]);
        rest.copy_from_slice(&self.0.x.to_bytes());
        bytes
    }

    /// Decodes SEC 1 uncompressed (65 bytes, tag 4), as OpenSSL writes keys by default.
    #[cfg(feature = "pem")]
    pub(crate) fn from_uncompressed(bytes: &[u8]) -> Result<Self, Error> {
        let [tag, coordinates @ ..]: &[u8; 65] = array(bytes)?;
        let (x, y) = coordinates.split_at(32);
        let coordinate = |bytes| FieldElement::from_bytes(array(bytes)?).ok_or(Error::NotOnCurve);
        let (x, y) = (coordinate(x)?, coordinate(y)?);
        let on_curve = y.square().ct_eq(&(x.square() * x + B));
        if *tag == 4 && bool::from(on_curve) {
            Ok(Self(Affine { x, y }))
        } else {
            Err(Error::NotOnCurve)
        }
    }
}

impl ConstantTimeEq for Point {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.x.ct_eq(&other.0.x) & self.0.y.ct_eq(&other.0.y)
    }
}

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Point {}
