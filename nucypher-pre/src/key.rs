//! Key pairs and their ids. A key belongs to one [`Suite`] for its whole life.

use core::{fmt, hash, str::FromStr};

use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    capsule::{Capsule, Precursor},
    curve::{POINT_LEN, Point, PreparedPoint, SCALAR_LEN, Scalar},
    delegation,
    error::Error,
    scheme::Suite,
    secret::SharedSecret,
    transcript,
};

/// The first 8 bytes of SHA-256("nucypher/v1/key-id" || P): a look-up handle, not a proof.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The id of the public key with this encoding, whether or not it is a point: the first 8 bytes
    /// of SHA-256("nucypher/v1/key-id" || P). Cost: one hash, no square root.
    pub fn of_encoded(key: &[u8; POINT_LEN]) -> Self {
        Self(transcript::id(&[transcript::KEY_ID, key]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = Error;

    /// 16 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = Error::Length { expected: 16, found: text.len() };
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        u64::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| wrong)
    }
}

/// A public key P = sG. 33 bytes on the wire.
#[derive(Clone)]
pub struct PublicKey {
    suite: Suite,
    point: Point,
    bytes: [u8; POINT_LEN],
    id: KeyId,
}

impl PublicKey {
    pub(crate) fn new(suite: Suite, point: Point) -> Self {
        let bytes = point.to_compressed();
        let id = KeyId(transcript::id(&[transcript::KEY_ID, &bytes]));
        Self { suite, point, bytes, id }
    }

    /// Decodes SEC 1 compressed, exactly 33 bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`].
    pub fn from_bytes(suite: Suite, bytes: &[u8]) -> Result<Self, Error> {
        Point::from_compressed(bytes).map(|point| Self::new(suite, point))
    }

    /// Encodes SEC 1 compressed, 33 bytes.
    pub fn to_bytes(&self) -> [u8; POINT_LEN] {
        self.bytes
    }

    /// The suite to which the key belongs.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn point(&self) -> &Point {
        &self.point
    }

    /// Draws a shared secret and encapsulates it under this key.
    ///
    /// BBS98: C = rA, S = rG. ECIES: C = rG, S = rA. r is fresh and never zero. Nobody learns
    /// who encapsulated. Cost: two multiplications.
    pub fn encapsulate(&self, rng: &mut impl CryptoRng) -> (Capsule, SharedSecret) {
        let r = Scalar::random(rng);
        let (capsule, shared) = self.suite.encapsulate(self.point.generate_and_multiply(&r));
        (Capsule(capsule), SharedSecret::new(shared))
    }
}

/// A public key with a table of its multiples (26 KiB), for a producer that encapsulates under it
/// again and again. Pays from about 15 encapsulations.
pub struct PreparedPublicKey {
    key: PublicKey,
    point: PreparedPoint,
}

impl PreparedPublicKey {
    /// Makes the table. Cost: about six encapsulations.
    pub fn new(key: PublicKey) -> Self {
        let point = PreparedPoint::new(&key.point);
        Self { key, point }
    }

    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// As [`PublicKey::encapsulate`], for two thirds of the cost.
    pub fn encapsulate(&self, rng: &mut impl CryptoRng) -> (Capsule, SharedSecret) {
        let r = Scalar::random(rng);
        let (capsule, shared) = self.key.suite.encapsulate(self.point.generate_and_multiply(&r));
        (Capsule(capsule), SharedSecret::new(shared))
    }
}

impl fmt::Debug for PreparedPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared{:?}", self.key)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.suite == other.suite && self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl hash::Hash for PublicKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (self.suite, self.bytes).hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.suite, self.id)
    }
}

/// A private key s with its public key. Wiped on drop; `Debug` shows the public key's id alone.
///
/// There is no `Display`, no comparison with `==` and no serialisation but the explicit ones:
///
/// ```compile_fail,E0277
/// # let key = nucypher_pre::SecretKey::generate(nucypher_pre::Suite::Bbs98, &mut nucypher_pre::os_rng());
/// println!("{key}");
/// ```
#[derive(Clone)]
pub struct SecretKey {
    scalar: Scalar,
    public: PublicKey,
}

impl SecretKey {
    pub(crate) fn new(suite: Suite, scalar: Scalar) -> Self {
        let public = PublicKey::new(suite, Point::generate(&scalar));
        Self { scalar, public }
    }

    /// Draws a key.
    pub fn generate(suite: Suite, rng: &mut impl CryptoRng) -> Self {
        Self::new(suite, Scalar::random(rng))
    }

    /// Decodes exactly 32 big-endian bytes.
    ///
    /// Errors: [`Error::Length`], [`Error::ScalarRange`] for zero and values >= n.
    pub fn from_bytes(suite: Suite, bytes: &[u8]) -> Result<Self, Error> {
        Scalar::from_bytes(bytes).map(|scalar| Self::new(suite, scalar))
    }

    /// Encodes 32 big-endian bytes. The result is the secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        self.scalar.to_bytes()
    }

    /// The suite to which the key belongs.
    pub fn suite(&self) -> Suite {
        self.public.suite
    }

    /// The id of the public key.
    pub fn id(&self) -> KeyId {
        self.public.id
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    /// Recovers the shared secret of a capsule under this key, fresh or re-encrypted to it by
    /// interactive keys. BBS98: S = C/s. ECIES: S = sC.
    ///
    /// A capsule for another key gives another secret, not an error: whoever needs to know
    /// compares a commitment derived from it. Cost: one multiplication.
    pub fn decapsulate(&self, capsule: &Capsule) -> SharedSecret {
        SharedSecret::new(self.suite().decapsulate(&self.scalar, &capsule.0))
    }

    /// Recovers the shared secret of a capsule that a non-interactive key re-encrypted to this
    /// key: D = sX, d = H(X, S, D), then as [`decapsulate`](Self::decapsulate) with d.
    ///
    /// Errors: [`Error::ZeroHash`] (probability 2^-256). Cost: two multiplications.
    pub fn decapsulate_delegated(
        &self,
        capsule: &Capsule,
        precursor: &Precursor,
    ) -> Result<SharedSecret, Error> {
        let d = delegation::shared_scalar(
            &self.public,
            precursor,
            &precursor.0.multiply(&self.scalar),
        )?;
        Ok(SharedSecret::new(self.suite().decapsulate(&d, &capsule.0)))
    }
}

impl ConstantTimeEq for SecretKey {
    /// Compares the secrets; the suites are public.
    fn ct_eq(&self, other: &Self) -> Choice {
        let same_suite = Choice::from(u8::from(self.suite() == other.suite()));
        same_suite & self.to_bytes().as_slice().ct_eq(other.to_bytes().as_slice())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, {}, ..)", self.suite(), self.id())
    }
}
