//! Files of signing keys: PKCS#8 and SPKI PEM as RFC 8410 has them, which OpenSSL reads and writes
//! (`openssl genpkey -algorithm ed25519`); a private key may be under a passphrase (PBES2).

use core::fmt;

use nucypher_pre::rand_core::CryptoRng;
use pkcs8::{
    AlgorithmIdentifierRef, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    SubjectPublicKeyInfoRef,
    der::{
        self, Decode, Encode,
        asn1::{BitStringRef, OctetStringRef},
        pem::{self, LineEnding},
    },
    pkcs5::{pbes2, scrypt},
};
use zeroize::Zeroizing;

use super::key::{SigningKey, VerifyingKey};

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// N = 2^14, r = 8, p = 1, as nucypher-pre's key files have it.
const SCRYPT_LOG_N: u8 = 14;

/// Why a file of a signing key cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningKeyFileError {
    /// Not a PEM document.
    NotPem,
    /// A PEM document with another label than the one named.
    Label {
        /// The label required.
        expected: &'static str,
    },
    /// The content is not a key in PKCS#8 or SPKI form.
    Structure,
    /// A key of another algorithm.
    NotEd25519,
    /// The file is encrypted and no passphrase was given.
    PassphraseNeeded,
    /// The passphrase is wrong, or the file uses an encryption that is not supported.
    Passphrase,
    /// A public key that is weak.
    Weak,
}

impl fmt::Display for SigningKeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("not a PEM file"),
            Self::Label { expected } => write!(f, "expected a PEM file with the label {expected}"),
            Self::Structure => f.write_str("the content is not a PKCS#8 or SPKI key"),
            Self::NotEd25519 => f.write_str("not an Ed25519 key"),
            Self::PassphraseNeeded => f.write_str("the key is encrypted: a passphrase is needed"),
            Self::Passphrase => f.write_str("wrong passphrase, or an unsupported encryption"),
            Self::Weak => super::WeakKey.fmt(f),
        }
    }
}

impl core::error::Error for SigningKeyFileError {}

impl From<der::Error> for SigningKeyFileError {
    fn from(_: der::Error) -> Self {
        Self::Structure
    }
}

impl VerifyingKey {
    /// Reads SPKI PEM.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyFileError> {
        let (label, document) = decode(text)?;
        if label != PUBLIC_LABEL {
            return Err(SigningKeyFileError::Label { expected: PUBLIC_LABEL });
        }
        let info = SubjectPublicKeyInfoRef::from_der(&document)?;
        check(&info.algorithm)?;
        let bytes = info.subject_public_key.as_bytes().ok_or(SigningKeyFileError::Structure)?;
        let bytes = bytes.try_into().map_err(|_| SigningKeyFileError::Structure)?;
        Self::from_bytes(bytes).map_err(|_| SigningKeyFileError::Weak)
    }

    /// Writes SPKI PEM.
    pub fn to_pem(&self) -> Result<String, SigningKeyFileError> {
        let bytes = self.to_bytes();
        let info = SubjectPublicKeyInfoRef {
            algorithm: ALGORITHM,
            subject_public_key: BitStringRef::from_bytes(&bytes)?,
        };
        encode(PUBLIC_LABEL, &info.to_der()?)
    }
}

impl SigningKey {
    /// Reads PKCS#8 PEM; an encrypted one needs the passphrase.
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, SigningKeyFileError> {
        let (label, document) = decode(text)?;
        match label {
            PRIVATE_LABEL => Self::from_pkcs8(&document),
            ENCRYPTED_LABEL => {
                let passphrase = passphrase.ok_or(SigningKeyFileError::PassphraseNeeded)?;
                let document = EncryptedPrivateKeyInfoRef::from_der(&document)?
                    .decrypt(passphrase)
                    .map_err(|_| SigningKeyFileError::Passphrase)?;
                Self::from_pkcs8(document.as_bytes())
            }
            _ => Err(SigningKeyFileError::Label { expected: PRIVATE_LABEL }),
        }
    }

    fn from_pkcs8(document: &[u8]) -> Result<Self, SigningKeyFileError> {
        let info = PrivateKeyInfoRef::from_der(document)?;
        check(&info.algorithm)?;
        let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes())?;
        let seed = inner.as_bytes().try_into().map_err(|_| SigningKeyFileError::Structure)?;
        Ok(Self::from_seed(seed))
    }

    /// Writes PKCS#8 PEM, under the passphrase if there is one. The result is the secret.
    pub fn to_pem(
        &self,
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<String>, SigningKeyFileError> {
        let seed = self.seed();
        let inner = Zeroizing::new(OctetStringRef::new(seed.as_ref())?.to_der()?);
        let info = PrivateKeyInfoRef::new(ALGORITHM, OctetStringRef::new(&inner)?);
        let text = match passphrase {
            None => encode(PRIVATE_LABEL, &Zeroizing::new(info.to_der()?)),
            Some(passphrase) => {
                let (mut salt, mut iv) = ([0; 16], [0; 16]);
                rng.fill_bytes(&mut salt);
                rng.fill_bytes(&mut iv);
                let document = scrypt::Params::new(SCRYPT_LOG_N, 8, 1)
                    .ok()
                    .and_then(|cost| {
                        pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).ok()
                    })
                    .and_then(|parameters| info.encrypt_with_params(parameters, passphrase).ok())
                    .ok_or(SigningKeyFileError::Passphrase)?;
                encode(ENCRYPTED_LABEL, document.as_bytes())
            }
        };
        text.map(Zeroizing::new)
    }
}

const ALGORITHM: AlgorithmIdentifierRef<'static> =
    AlgorithmIdentifierRef { oid: ED25519, parameters: None };

fn check(found: &AlgorithmIdentifierRef<'_>) -> Result<(), SigningKeyFileError> {
    if *found == ALGORITHM { Ok(()) } else { Err(SigningKeyFileError::NotEd25519) }
}

fn decode(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), SigningKeyFileError> {
    pem::decode_vec(text.as_bytes())
        .map(|(label, document)| (label, Zeroizing::new(document)))
        .map_err(|_| SigningKeyFileError::NotPem)
}

fn encode(label: &'static str, document: &[u8]) -> Result<String, SigningKeyFileError> {
    pem::encode_string(label, LineEnding::LF, document).map_err(|_| SigningKeyFileError::Structure)
}
