//! What a server keeps of a password: SCRAM credentials (RFC 5802, section 3) in Kafka's text form.
//!
//! ```text
//! SaltedPassword = PBKDF2(password, salt, iterations)        ClientKey = HMAC(SaltedPassword, "Client Key")
//! StoredKey      = H(ClientKey)                              ServerKey = HMAC(SaltedPassword, "Server Key")
//! ```
//!
//! Secret: all but salt and iterations. StoredKey allows guessing the password offline, ServerKey
//! playing the server; neither allows logging in.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::password::Password;

/// Bytes that are wiped when dropped.
pub(super) type Secret = Zeroizing<Vec<u8>>;

/// The hash of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramHash {
    /// SHA-256, RFC 7677.
    Sha256,
    /// SHA-512, as Kafka defined it beside RFC 7677.
    Sha512,
}

impl ScramHash {
    /// Both, the cheaper first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The size of a hash in bytes: 32 or 64.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn digest(self, data: &[u8]) -> Secret {
        Zeroizing::new(match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        })
    }

    pub(super) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Secret {
        match self {
            Self::Sha256 => hmac_of::<Sha256>(key, parts),
            Self::Sha512 => hmac_of::<Sha512>(key, parts),
        }
    }

    /// SaltedPassword. Cost: one HMAC an iteration, see [`ScramCredential::from_password`].
    fn salted_password(self, password: &Password, salt: &[u8], iterations: u32) -> Secret {
        let mut out = Zeroizing::new(vec![0; self.size()]);
        match self {
            Self::Sha256 => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut out)
            }
            Self::Sha512 => {
                pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, iterations, &mut out)
            }
        }
        out
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length; its trait cannot say so")]
fn hmac_of<D: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Secret {
    let mut mac = Hmac::<D>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    let mut tag = mac.finalize().into_bytes();
    let secret = Zeroizing::new(tag.to_vec());
    tag.as_mut_slice().zeroize();
    secret
}

/// ClientKey and ServerKey: what the client's side needs, and keeps for as long as the server's salt
/// stays.
#[derive(Clone)]
pub(super) struct ClientKeys {
    pub(super) client_key: Secret,
    pub(super) server_key: Secret,
}

impl ClientKeys {
    pub(super) fn derive(
        hash: ScramHash,
        password: &Password,
        salt: &[u8],
        iterations: u32,
    ) -> Self {
        let salted = hash.salted_password(password, salt, iterations);
        Self {
            client_key: hash.hmac(&salted, &[b"Client Key"]),
            server_key: hash.hmac(&salted, &[b"Server Key"]),
        }
    }
}

/// One user's credential for one hash.
#[derive(Clone)]
pub struct ScramCredential {
    pub(super) hash: ScramHash,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Secret,
    pub(super) server_key: Secret,
    pub(super) iterations: u32,
}

/// Why a credential is not accepted. Names the field, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A field is not there.
    #[error("`{0}` is missing; the form is `salt=..,stored_key=..,server_key=..,iterations=..`")]
    Missing(&'static str),
    /// There is something beside the four fields, or one of them twice.
    #[error(
        "an unknown or repeated field; the form is `salt=..,stored_key=..,server_key=..,iterations=..`"
    )]
    Unknown,
    /// A field is not padded standard base64.
    #[error("`{0}` is not base64")]
    Base64(&'static str),
    /// A key has not the size of the hash.
    #[error(
        "`{field}` has {len} bytes where the mechanism needs {size}; is it of the other SCRAM mechanism?"
    )]
    Size {
        /// Its name.
        field: &'static str,
        /// Its size in bytes.
        len: usize,
        /// The size of the hash.
        size: usize,
    },
    /// The salt is too short or too long.
    #[error("`salt` has {0} bytes; {min} to {max} are allowed", min = ScramCredential::MIN_SALT, max = ScramCredential::MAX_SALT)]
    Salt(usize),
    /// The iteration count is not a number, or out of bounds.
    #[error(
        "`iterations` is not a number from {} to {}",
        ScramCredential::MIN_ITERATIONS,
        ScramCredential::MAX_ITERATIONS
    )]
    Iterations,
    /// The system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

impl ScramCredential {
    /// What Kafka's clients demand at least (RFC 7677, section 4).
    pub const MIN_ITERATIONS: u32 = 4096;
    /// The default: 8192, twice Kafka's.
    pub const DEFAULT_ITERATIONS: u32 = 8192;
    /// The most that is computed, 1 000 000: about 0.1 s for SHA-256 and 0.3 s for SHA-512, so that neither a users file nor a hostile
    /// broker can stall a thread for long. (Kafka's own limit for
    /// what it stores is 16 384.)
    pub const MAX_ITERATIONS: u32 = 1_000_000;
    /// The shortest salt, in bytes. Kafka draws 25 or 26, librdkafka 64.
    pub const MIN_SALT: usize = 8;
    /// The longest salt, in bytes.
    pub const MAX_SALT: usize = 128;
    /// The size of the salts drawn here, in bytes.
    pub const SALT: usize = 24;

    /// Derive a credential from a password under a fresh salt.
    ///
    /// # Errors
    /// [`CredentialError`] where `iterations` is out of bounds or no random bytes are to be had.
    ///
    /// # Cost
    /// One HMAC an iteration: see [`from_password`](Self::from_password).
    pub fn generate(
        hash: ScramHash,
        password: &Password,
        iterations: u32,
    ) -> Result<Self, CredentialError> {
        let mut salt = [0; Self::SALT];
        getrandom::fill(&mut salt).map_err(|_| CredentialError::Random)?;
        Self::from_password(hash, password, &salt, iterations)
    }

    /// Derive a credential from a password and a salt.
    ///
    /// # Errors
    /// [`CredentialError`] where salt or iterations are out of bounds.
    ///
    /// # Cost
    /// One HMAC an iteration. For 8192 iterations 0.7 ms with SHA-256 and 2.3 ms with SHA-512 (one core
    /// of an AMD EPYC with SHA extensions, release build): never on the reactor.
    pub fn from_password(
        hash: ScramHash,
        password: &Password,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, CredentialError> {
        check_bounds(salt, iterations)?;
        let ClientKeys { client_key, server_key } =
            ClientKeys::derive(hash, password, salt, iterations);
        Ok(Self {
            hash,
            salt: salt.to_vec(),
            stored_key: hash.digest(&client_key),
            server_key,
            iterations,
        })
    }

    /// Whether this is the password. Constant time in the outcome. Cost: as
    /// [`from_password`](Self::from_password).
    pub(super) fn matches(&self, password: &Password) -> Choice {
        let keys = ClientKeys::derive(self.hash, password, &self.salt, self.iterations);
        self.hash.digest(&keys.client_key).ct_eq(&self.stored_key)
            & keys.server_key.ct_eq(&self.server_key)
    }

    /// The hash.
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The iteration count.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Parse Kafka's text form, `salt=..,stored_key=..,server_key=..,iterations=..` in any order.
    ///
    /// # Errors
    /// [`CredentialError`], which names the field.
    pub fn parse(hash: ScramHash, text: &str) -> Result<Self, CredentialError> {
        const FIELDS: [&str; 4] = ["salt", "stored_key", "server_key", "iterations"];
        let mut values = [None; 4];
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or(CredentialError::Unknown)?;
            let slot = FIELDS.iter().zip(&mut values).find(|(field, _)| **field == name.trim());
            match slot {
                Some((_, slot)) if slot.is_none() => *slot = Some(value.trim()),
                _ => return Err(CredentialError::Unknown),
            }
        }
        let [salt, stored_key, server_key, iterations] = values;
        let salt = bytes_of("salt", salt)?.to_vec();
        let stored_key = key_of(hash, "stored_key", stored_key)?;
        let server_key = key_of(hash, "server_key", server_key)?;
        let iterations = iterations.ok_or(CredentialError::Missing("iterations"))?;
        let iterations = iterations.parse().map_err(|_| CredentialError::Iterations)?;
        check_bounds(&salt, iterations)?;
        Ok(Self { hash, salt, stored_key, server_key, iterations })
    }

    /// Kafka's text form. Secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let stored_key = Zeroizing::new(STANDARD.encode(&*self.stored_key));
        let server_key = Zeroizing::new(STANDARD.encode(&*self.server_key));
        Zeroizing::new(format!(
            "salt={},stored_key={},server_key={},iterations={}",
            STANDARD.encode(&self.salt),
            *stored_key,
            *server_key,
            self.iterations
        ))
    }
}

fn check_bounds(salt: &[u8], iterations: u32) -> Result<(), CredentialError> {
    if !(ScramCredential::MIN_SALT..=ScramCredential::MAX_SALT).contains(&salt.len()) {
        return Err(CredentialError::Salt(salt.len()));
    }
    if !(ScramCredential::MIN_ITERATIONS..=ScramCredential::MAX_ITERATIONS).contains(&iterations) {
        return Err(CredentialError::Iterations);
    }
    Ok(())
}

fn bytes_of(field: &'static str, value: Option<&str>) -> Result<Secret, CredentialError> {
    let value = value.ok_or(CredentialError::Missing(field))?;
    STANDARD.decode(value).map(Zeroizing::new).map_err(|_| CredentialError::Base64(field))
}

fn key_of(
    hash: ScramHash,
    field: &'static str,
    value: Option<&str>,
) -> Result<Secret, CredentialError> {
    let bytes = bytes_of(field, value)?;
    if bytes.len() != hash.size() {
        return Err(CredentialError::Size { field, len: bytes.len(), size: hash.size() });
    }
    Ok(bytes)
}

impl fmt::Debug for ScramCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredential")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
