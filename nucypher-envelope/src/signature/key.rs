//! Ed25519 keys and their ids: those of producers and channels, which sign records, and, under types
//! of their own in nucypher-kafka, those of administrators.

use core::{fmt, str::FromStr};

use ed25519_dalek::Signer as _;
use nucypher_pre::rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    key_file::{self, KeyFormatError, ObjectIdentifier},
    wire::SIGNER_ID_LABEL,
};

/// id-Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The id of a signing key: the first 8 bytes of SHA-256(label || V). A look-up handle, no proof.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignerId([u8; 8]);

impl SignerId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerId({self})")
    }
}

/// 32 bytes that are no key to trust: no point, of small order, or in a second spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeakKey;

impl fmt::Display for WeakKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an Ed25519 public key, or one that verifies what nobody signed")
    }
}

impl core::error::Error for WeakKey {}

/// The public half of a signing key.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    key: ed25519_dalek::VerifyingKey,
    id: SignerId,
}

impl VerifyingKey {
    /// Decodes 32 bytes.
    ///
    /// Errors: [`WeakKey`] for what is no point, of small order, or not encoded canonically.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, WeakKey> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| WeakKey)?;
        if key.is_weak() || key.to_edwards().compress().as_bytes() != bytes {
            return Err(WeakKey);
        }
        Ok(Self::new(key))
    }

    fn new(key: ed25519_dalek::VerifyingKey) -> Self {
        let digest = Sha256::new_with_prefix(SIGNER_ID_LABEL).chain_update(key.as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(digest.finalize());
        Self { key, id: SignerId([a, b, c, d, e, f, g, h]) }
    }

    /// The 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The key's id.
    pub const fn id(&self) -> SignerId {
        self.id
    }

    /// Reads SPKI PEM.
    pub fn from_pem(text: &str) -> Result<Self, KeyFormatError> {
        let bytes = key_file::decode_public(ED25519, text)?;
        Self::from_bytes(&bytes).map_err(|_| KeyFormatError::Key)
    }

    /// Writes SPKI PEM.
    pub fn to_pem(&self) -> Result<String, KeyFormatError> {
        key_file::encode_public(ED25519, &self.to_bytes())
    }

    /// Whether `signature` is this key's over `message`. Strict: no small order, no non-canonical
    /// encodings. Cost: one double multiplication, about 40 us.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl FromStr for VerifyingKey {
    type Err = WeakKey;

    /// 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, WeakKey> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(WeakKey);
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            let digits = text.get(at..at + 2).ok_or(WeakKey)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| WeakKey)?;
        }
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id)
    }
}

/// A signing key. Secret: wiped on drop, shown by nothing.
///
/// ```compile_fail,E0277
/// # use nucypher_envelope::{signature::SigningKey, pre::os_rng};
/// println!("{}", SigningKey::generate(&mut os_rng())); // no Display
/// ```
///
/// ```compile_fail,E0599
/// # use nucypher_envelope::{signature::SigningKey, pre::os_rng};
/// let copy = SigningKey::generate(&mut os_rng()).clone(); // share it by an Arc
/// ```
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// Draws a key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key of 32 secret bytes (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(key.verifying_key());
        Self { key, public }
    }

    /// The 32 bytes. Secret.
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// Reads PKCS#8 PEM; an encrypted one needs the passphrase.
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyFormatError> {
        Ok(Self::from_seed(&*key_file::decode_secret(ED25519, text, passphrase)?))
    }

    /// Writes PKCS#8 PEM, under the passphrase if there is one. The result is the secret.
    pub fn to_pem(
        &self,
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<String>, KeyFormatError> {
        key_file::encode_secret(ED25519, &self.to_seed(), passphrase, rng)
    }

    /// The public half.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The id of the public half.
    pub const fn id(&self) -> SignerId {
        self.public.id
    }

    /// Signs a message, which begins with a label that says what it is.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ..)", self.public.id)
    }
}
