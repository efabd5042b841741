//! The users of a gateway that ends SASL itself: a TOML file of SCRAM credentials, no passwords.
//!
//! ```toml
//! decoy_key = "base64 of 32 bytes"
//!
//! [users.alice]
//! scram-sha-256 = "salt=..,stored_key=..,server_key=..,iterations=8192"
//! scram-sha-512 = "salt=..,stored_key=..,server_key=..,iterations=8192"
//! ```
//!
//! The credentials are in Kafka's own text form, so they can be moved from a cluster. `decoy_key` makes
//! up credentials for names that do not exist; it stands in the file so that they stay the same over
//! restarts and on all gateways, as real ones do.

mod file;

pub use file::{Existing, add, remove};

use std::{collections::BTreeMap, fmt, path::Path};

use subtle::Choice;
use zeroize::Zeroizing;

use super::{
    credential::{CredentialError, ScramCredential, ScramHash},
    password::Password,
    principal::{Principal, PrincipalError},
};
use crate::gateway::private_file::PrivateFileError;

/// One user's credentials: for one of the hashes, or for both.
#[derive(Clone, Debug, Default)]
pub struct User {
    sha256: Option<ScramCredential>,
    sha512: Option<ScramCredential>,
}

impl User {
    /// Derive credentials for both hashes, each under its own fresh salt.
    ///
    /// # Errors
    /// [`CredentialError`] where `iterations` is out of bounds or no random bytes are to be had.
    ///
    /// # Cost
    /// Twice [`ScramCredential::from_password`].
    pub fn from_password(password: &Password, iterations: u32) -> Result<Self, CredentialError> {
        let credential = |hash| ScramCredential::generate(hash, password, iterations).map(Some);
        Ok(Self { sha256: credential(ScramHash::Sha256)?, sha512: credential(ScramHash::Sha512)? })
    }

    /// The credential for a hash.
    pub fn credential(&self, hash: ScramHash) -> Option<&ScramCredential> {
        match hash {
            ScramHash::Sha256 => self.sha256.as_ref(),
            ScramHash::Sha512 => self.sha512.as_ref(),
        }
    }

    /// Set the credential for its hash.
    #[must_use]
    pub fn with(mut self, credential: ScramCredential) -> Self {
        match credential.hash() {
            ScramHash::Sha256 => self.sha256 = Some(credential),
            ScramHash::Sha512 => self.sha512 = Some(credential),
        }
        self
    }

    /// What PLAIN is checked against.
    fn cheapest(&self) -> Option<&ScramCredential> {
        self.sha256.as_ref().or(self.sha512.as_ref())
    }
}

/// All users, in memory. Load it anew through [`Reloadable`](crate::gateway::reload::Reloadable).
#[derive(Clone)]
pub struct Users {
    users: BTreeMap<String, User>,
    decoys: Decoys,
}

impl Users {
    /// Parse the text of a users file.
    ///
    /// # Errors
    /// [`UsersError::Syntax`] or [`UsersError::Field`], which name line and field, never a value.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let file::Contents { decoy_key, users } = file::parse(text)?;
        let decoy_key = match decoy_key {
            Some(key) => key,
            None => random_key()?,
        };
        Ok(Self::new(users, decoy_key))
    }

    /// Read a users file. It is refused where others can read it.
    ///
    /// # Errors
    /// [`UsersError`], which names the file.
    pub fn load(path: &Path) -> Result<Self, UsersError> {
        let text = file::read(path)?;
        Self::parse(&text).map_err(|error| error.in_file(path))
    }

    fn new(users: BTreeMap<String, User>, decoy_key: Zeroizing<Vec<u8>>) -> Self {
        let shapes = |pick: fn(&User) -> Option<&ScramCredential>| {
            users.values().filter_map(pick).map(Shape::of).collect()
        };
        let decoys = Decoys {
            key: decoy_key,
            sha256: shapes(|user| user.sha256.as_ref()),
            sha512: shapes(|user| user.sha512.as_ref()),
            any: shapes(User::cheapest),
        };
        Self { users, decoys }
    }

    #[cfg(test)]
    pub(super) fn of(users: BTreeMap<String, User>) -> Self {
        Self::new(users, Zeroizing::new(vec![7; file::DECOY_KEY]))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(String::as_str)
    }

    /// A user by name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// The credential for SCRAM: the user's, or one made up. The choice says which, and nothing that can
    /// be seen from outside may depend on it before the end.
    pub(super) fn lookup(&self, hash: ScramHash, name: &str) -> (ScramCredential, Choice) {
        let shapes = match hash {
            ScramHash::Sha256 => &self.decoys.sha256,
            ScramHash::Sha512 => &self.decoys.sha512,
        };
        let real = self.users.get(name).and_then(|user| user.credential(hash));
        self.decoys.unless(real, name, shapes, hash)
    }

    /// The credential for PLAIN, likewise.
    pub(super) fn lookup_any(&self, name: &str) -> (ScramCredential, Choice) {
        let real = self.users.get(name).and_then(User::cheapest);
        self.decoys.unless(real, name, &self.decoys.any, ScramHash::Sha256)
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

/// Credentials for users who do not exist (RFC 5802, section 9, advises to make up a salt).
#[derive(Clone)]
struct Decoys {
    key: Zeroizing<Vec<u8>>,
    sha256: Vec<Shape>,
    sha512: Vec<Shape>,
    any: Vec<Shape>,
}

/// What of a credential can be seen or measured from outside.
#[derive(Clone, Copy)]
struct Shape {
    hash: ScramHash,
    salt_len: usize,
    iterations: u32,
}

impl Shape {
    fn of(credential: &ScramCredential) -> Self {
        Self {
            hash: credential.hash,
            salt_len: credential.salt.len(),
            iterations: credential.iterations,
        }
    }
}

impl Decoys {
    /// The real credential if there is one. The made-up one is computed either way: five HMACs.
    fn unless(
        &self,
        real: Option<&ScramCredential>,
        name: &str,
        shapes: &[Shape],
        hash: ScramHash,
    ) -> (ScramCredential, Choice) {
        let made_up = self.make_up(name, shapes, hash);
        match real {
            Some(real) => (real.clone(), Choice::from(1)),
            None => (made_up, Choice::from(0)),
        }
    }

    /// Always the same for a name, and shaped like the credential of a user that the key picks, so that
    /// made-up iteration counts and salt sizes are spread as the real ones are.
    fn make_up(&self, name: &str, shapes: &[Shape], hash: ScramHash) -> ScramCredential {
        let pseudorandom = |purpose: u8, hash: ScramHash| {
            ScramHash::Sha512.hmac(&self.key, &[&[purpose, hash as u8], name.as_bytes()])
        };
        let pick = pseudorandom(0, hash)
            .iter()
            .fold(0, |n: usize, byte| n.wrapping_mul(31) ^ usize::from(*byte));
        let shape =
            pick.checked_rem(shapes.len()).and_then(|at| shapes.get(at)).copied().unwrap_or(
                Shape {
                    hash,
                    salt_len: ScramCredential::SALT,
                    iterations: ScramCredential::DEFAULT_ITERATIONS,
                },
            );
        // MAX_SALT is two blocks.
        let mut salt = pseudorandom(1, shape.hash).to_vec();
        salt.extend_from_slice(&pseudorandom(2, shape.hash));
        salt.truncate(shape.salt_len);
        let key = |purpose| {
            let mut key = pseudorandom(purpose, shape.hash);
            key.truncate(shape.hash.size());
            key
        };
        ScramCredential {
            hash: shape.hash,
            salt,
            stored_key: key(3),
            server_key: key(4),
            iterations: shape.iterations,
        }
    }
}

fn random_key() -> Result<Zeroizing<Vec<u8>>, UsersError> {
    let mut key = Zeroizing::new(vec![0; file::DECOY_KEY]);
    getrandom::fill(&mut key).map_err(|_| UsersError::Random)?;
    Ok(key)
}

/// Why users could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsersError {
    /// The file cannot be read, or others can read it too.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The file cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another change is under way.
    #[error(
        "{lock} exists: another change is under way; if none is, one was broken off: remove that file"
    )]
    Locked {
        /// The lock file, which is also the file to be.
        lock: String,
    },
    /// It is no TOML.
    #[error("{file}line {line}: {message}")]
    Syntax {
        /// `FILE, ` or nothing.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// It is TOML, but something in it is not as it should be.
    #[error("{file}line {line}, {field}: {problem}")]
    Field {
        /// `FILE, ` or nothing.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The field, such as `users.alice.scram-sha-256`.
        field: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// There is such a user already.
    #[error("user {name} exists; remove it first, or replace it")]
    Exists {
        /// Its name.
        name: String,
    },
    /// There is no such user.
    #[error("no user {name}")]
    NoSuchUser {
        /// The name.
        name: String,
    },
    /// The user's name cannot be a principal.
    #[error("user name: {0}")]
    Name(#[from] PrincipalError),
    /// No random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

/// What is wrong with a field of a users file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The field is not known.
    #[error("unknown field; known are {0}")]
    Unknown(&'static str),
    /// The value is of another type.
    #[error("not a {0}")]
    Type(&'static str),
    /// A user without credentials.
    #[error("no credential; give scram-sha-256, scram-sha-512 or both")]
    NoCredential,
    /// The decoy key is not what it should be.
    #[error("not the base64 of 32 bytes; remove the line, and the next change writes a new one")]
    DecoyKey,
    /// The user's name cannot be a principal.
    #[error("{0}")]
    Name(PrincipalError),
    /// The credential is not in Kafka's text form.
    #[error("{0}")]
    Credential(CredentialError),
}

impl UsersError {
    fn in_file(mut self, path: &Path) -> Self {
        if let Self::Syntax { file, .. } | Self::Field { file, .. } = &mut self {
            *file = format!("{}, ", path.display());
        }
        self
    }
}

/// The user's name as it may stand in a users file.
fn check_name(name: &str) -> Result<(), PrincipalError> {
    Principal::user(name).map(drop)
}

#[cfg(test)]
mod tests;
