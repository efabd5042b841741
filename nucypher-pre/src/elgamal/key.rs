//! ElGamal keys: a type, a tag in every encoding and a PEM label of their own.

use core::fmt;

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    curve::{POINT_LEN, Point, SCALAR_LEN, Scalar},
    error::Error,
    key::KeyId,
    transcript,
};

/// Length of an encoded public key, in bytes.
pub const PUBLIC_KEY_LEN: usize = 1 + POINT_LEN;
/// Length of an encoded private key, in bytes.
pub const SECRET_KEY_LEN: usize = 1 + SCALAR_LEN;

/// Before every encoded key of this module, so that the bytes of a KEM key are not one: neither the
/// lengths nor the first bytes agree.
pub(super) const TAG: u8 = 0xE1;

/// The bytes behind the tag.
pub(super) fn untag(bytes: &[u8], expected: usize) -> Result<&[u8], Error> {
    match bytes {
        [TAG, rest @ ..] if bytes.len() == expected => Ok(rest),
        _ if bytes.len() == expected => Err(Error::Unsupported { field: "tag" }),
        _ => Err(Error::Length { expected, found: bytes.len() }),
    }
}

/// A public key A = aG for ElGamal encryption. 34 bytes on the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct ElGamalPublicKey {
    point: Point,
    id: KeyId,
}

impl ElGamalPublicKey {
    pub(crate) fn new(point: Point) -> Self {
        let id = transcript::id(&[transcript::ELGAMAL_KEY_ID, &point.to_compressed()]);
        Self { point, id: KeyId::from_bytes(id) }
    }

    /// Decodes the tag 0xE1, then A compressed: exactly 34 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::Unsupported`], [`Error::NotOnCurve`]. Cost: one square
    /// root.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Point::from_compressed(untag(bytes, PUBLIC_KEY_LEN)?).map(Self::new)
    }

    /// Encodes 34 bytes.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_LEN] {
        let mut bytes = [TAG; PUBLIC_KEY_LEN];
        let (_, point) = bytes.split_at_mut(1);
        point.copy_from_slice(&self.point.to_compressed());
        bytes
    }

    /// The first 8 bytes of SHA-256("nucypher/v1/elgamal-key-id" || A): a look-up handle.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn point(&self) -> &Point {
        &self.point
    }
}

impl fmt::Debug for ElGamalPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ElGamalPublicKey({})", self.id)
    }
}

/// A private key a for ElGamal decryption. Secret; wiped on drop; not a key of the KEM and never
/// made from one.
#[derive(Clone)]
pub struct ElGamalSecretKey {
    scalar: Scalar,
    public: ElGamalPublicKey,
}

impl ElGamalSecretKey {
    fn new(scalar: Scalar) -> Self {
        let public = ElGamalPublicKey::new(Point::generate(&scalar));
        Self { scalar, public }
    }

    /// Draws a key. Cost: one multiplication.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::new(Scalar::random(rng))
    }

    /// Decodes the tag 0xE1, then a: exactly 33 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::Unsupported`], [`Error::ScalarRange`]. Cost: one
    /// multiplication.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Scalar::from_bytes(untag(bytes, SECRET_KEY_LEN)?).map(Self::new)
    }

    /// Encodes 33 bytes. The result is the secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SECRET_KEY_LEN]> {
        let mut bytes = Zeroizing::new([TAG; SECRET_KEY_LEN]);
        let (_, scalar) = bytes.split_at_mut(1);
        scalar.copy_from_slice(self.scalar.to_bytes().as_ref());
        bytes
    }

    /// The public key.
    pub fn public_key(&self) -> &ElGamalPublicKey {
        &self.public
    }

    pub(super) fn scalar(&self) -> &Scalar {
        &self.scalar
    }
}

impl ConstantTimeEq for ElGamalSecretKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.to_bytes().as_slice().ct_eq(other.to_bytes().as_slice())
    }
}

impl fmt::Debug for ElGamalSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ElGamalSecretKey({}, ..)", self.public.id)
    }
}
