//! Points at the boundary: on the curve, affine, never the identity.

use alloc::{boxed::Box, vec::Vec};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use super::{
    batch,
    field::{Factor, FieldElement},
    fixed_base::{FixedBase, GENERATOR},
    formulas::{Affine, Projective},
    pair::Pair,
    scalar::{Scalar, declassify},
    scalar_mul::{self, Digits},
    vartime,
};
use crate::error::{Error, array};

/// Length of a compressed point, in bytes.
pub const POINT_LEN: usize = 33;

/// The 7 of y² = x³ + 7.
const B: FieldElement = FieldElement::from_limbs([7, 0, 0, 0]);

/// A point of the curve, never the identity.
#[derive(Clone, Copy)]
pub(crate) struct Point(pub(super) Affine);

impl Point {
    /// scalar · G. Constant time; benchmark `generate/fixed_base`.
    pub(crate) fn generate(scalar: &Scalar) -> Self {
        Self::from_projective(&GENERATOR.multiply(&Digits::new(scalar)))
    }

    /// scalar · self. Constant time; the hot operation of the whole project; benchmark
    /// `multiply/fixed_pattern`.
    pub(crate) fn multiply(&self, scalar: &Scalar) -> Self {
        Self::from_projective(&scalar_mul::multiply(&self.0, &Digits::new(scalar)))
    }

    /// (scalar · G, scalar · self) for one inversion. Constant time; benchmark `encapsulate/*`.
    pub(crate) fn generate_and_multiply(&self, scalar: &Scalar) -> (Self, Self) {
        let digits = Digits::new(scalar);
        Self::from_projectives(
            &GENERATOR.multiply(&digits),
            &scalar_mul::multiply(&self.0, &digits),
        )
    }

    /// scalar · self in a time that depends on the scalar (and on self); benchmark
    /// `multiply/vartime`.
    pub(crate) fn multiply_vartime(&self, scalar: &Scalar) -> Self {
        Self(vartime::multiply(&self.0, scalar))
    }

    /// Requires: not the identity. The inversion is constant time also where the point is public:
    /// Z still knows the scalar (Naccache, Smart, Stern, EUROCRYPT 2004).
    fn from_projective(point: &Projective) -> Self {
        let inverse = point.z.invert();
        Self(Affine { x: point.x * inverse, y: point.y * inverse })
    }

    fn from_projectives(first: &Projective, second: &Projective) -> (Self, Self) {
        let inverse = (first.z * second.z).invert();
        let (i, j) = (inverse * second.z, inverse * first.z);
        let (x, y) = (first.x * i, first.y * i);
        (Self(Affine { x, y }), Self(Affine { x: second.x * j, y: second.y * j }))
    }

    /// self + other; `None` where they are opposite, which becomes public. Constant time but for
    /// that: the complete formulas ask nothing of the two points. Cost: one inversion.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        let sum = Projective::from_affine(&self.0).add(&Projective::from_affine(&other.0));
        let is_identity = sum.z.ct_eq(&FieldElement::ZERO);
        declassify(!is_identity).then(|| Self::from_projective(&sum))
    }

    /// -self.
    pub(crate) fn negate(&self) -> Self {
        Self(Affine { x: self.0.x, y: -self.0.y })
    }

    /// Replaces every point by scalar · point. Constant time in the scalar.
    pub(crate) fn multiply_batch(points: &mut [Self], scalar: &Scalar) {
        Self::batch(points, |points| batch::multiply(points, scalar));
    }

    /// Replaces every point by scalar · point, in a time that depends on the scalar.
    pub(crate) fn multiply_batch_vartime(points: &mut [Self], scalar: &Scalar) {
        Self::batch(points, |points| batch::multiply_vartime(points, scalar));
    }

    fn batch(points: &mut [Self], multiply: impl FnOnce(&mut [Affine])) {
        let mut affine: Vec<_> = points.iter().map(|point| point.0).collect();
        multiply(&mut affine);
        for (point, product) in points.iter_mut().zip(affine) {
            point.0 = product;
        }
    }

    /// Decodes SEC 1 compressed, 33 bytes (SEC 1 v2, section 2.3.4). Constant time but for the
    /// error. Cost: one square root, 270 multiplications.
    pub(crate) fn from_compressed(bytes: &[u8]) -> Result<Self, Error> {
        let candidate = Compressed::parse(bytes)?;
        candidate.decode(candidate.square().square_root_candidate())
    }

    /// Decodes two at a time, for the cost of little more than one.
    pub(crate) fn from_compressed_pair(bytes: [&[u8]; 2]) -> [Result<Self, Error>; 2] {
        let candidates = bytes.map(Compressed::parse);
        // An error takes part as x = 0 and stays an error.
        let squares = candidates.map(|candidate| candidate.map_or(B, |c| c.square()));
        let Pair(roots) = Pair(squares).square_root_candidate();
        let ([first, second], [root, other]) = (candidates, roots);
        [first.and_then(|c| c.decode(root)), second.and_then(|c| c.decode(other))]
    }

    /// The point of these coordinates, big-endian.
    pub(crate) fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, Error> {
        let coordinate = |bytes| FieldElement::from_bytes(bytes).ok_or(Error::NotOnCurve);
        let (x, y) = (coordinate(x)?, coordinate(y)?);
        let on_curve = y.square().ct_eq(&(x.square() * x + B));
        if bool::from(on_curve) { Ok(Self(Affine { x, y })) } else { Err(Error::NotOnCurve) }
    }

    /// The coordinates, big-endian.
    pub(crate) fn coordinates(&self) -> [[u8; 32]; 2] {
        [self.0.x.to_bytes(), self.0.y.to_bytes()]
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
        if *tag == 4 {
            Self::from_coordinates(array(x)?, array(y)?)
        } else {
            Err(Error::NotOnCurve)
        }
    }
}

/// A point that is multiplied again and again, with its table: 26 KiB.
pub(crate) struct PreparedPoint(Box<FixedBase>);

impl PreparedPoint {
    /// Cost: about 9 multiplications of a point.
    pub(crate) fn new(point: &Point) -> Self {
        Self(Box::new(FixedBase::new(&point.0)))
    }

    /// (scalar · G, scalar · self) for one inversion. Constant time.
    pub(crate) fn generate_and_multiply(&self, scalar: &Scalar) -> (Point, Point) {
        let digits = Digits::new(scalar);
        Point::from_projectives(&GENERATOR.multiply(&digits), &self.0.multiply(&digits))
    }
}

/// A compressed point whose x is below p and perhaps on no point.
#[derive(Clone, Copy)]
struct Compressed {
    x: FieldElement,
    odd: Choice,
}

impl Compressed {
    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let [tag, x @ ..]: &[u8; POINT_LEN] = array(bytes)?;
        if *tag != 2 && *tag != 3 {
            return Err(Error::NotOnCurve);
        }
        let x = FieldElement::from_bytes(x).ok_or(Error::NotOnCurve)?;
        Ok(Self { x, odd: Choice::from(*tag & 1) })
    }

    /// x³ + 7.
    fn square(self) -> FieldElement {
        self.x.square() * self.x + B
    }

    /// The point, given y or -y, or what is neither where x is on no point.
    fn decode(self, root: FieldElement) -> Result<Point, Error> {
        if !bool::from(root.square().ct_eq(&self.square())) {
            return Err(Error::NotOnCurve);
        }
        // The order is odd, so no point has y = 0, and exactly one of y and -y is odd.
        let y = FieldElement::conditional_select(&root, &-root, root.is_odd() ^ self.odd);
        Ok(Point(Affine { x: self.x, y }))
    }
}

/// For points that are secret; what is left is no point and must not be used.
impl Zeroize for Point {
    fn zeroize(&mut self) {
        self.0.x.zeroize();
        self.0.y.zeroize();
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
