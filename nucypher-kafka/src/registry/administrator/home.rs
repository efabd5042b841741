//! The administrator's home directory: what is secret, and what it must not forget.
//!
//! ```text
//! master.pem          0600  the master secret: every delegating key follows from it
//! signing.pem         0600  the Ed25519 key that signs the registry
//! administrator.pub         its public half, for gateways and producers
//! gateways/ID.pub           the gateways to which grants are sealed
//! revision                  the highest revision signed: a registry that was rolled back is noticed
//! interactive               every interactive grant ever issued, also those that were revoked
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use nucypher_envelope::key_file;
use nucypher_pre::{MasterSecret, PublicKey, Suite, rand_core::CryptoRng};
use zeroize::Zeroizing;

use super::{AdministratorError, share::Secrets};
use crate::registry::{
    custody::{KeyFileError, OID_ED25519, OID_MASTER, read_secret_file, write_secret_file},
    directory::replace_file,
    grant::GrantBody,
    key::{AdministratorKey, GatewayPublicKey},
    seen::{Seen, SeenError},
};

const MASTER: &str = "master.pem";
const SIGNING: &str = "signing.pem";
const PUBLIC: &str = "administrator.pub";
const GATEWAYS: &str = "gateways";
const REVISION: &str = "revision";
const INTERACTIVE: &str = "interactive";

#[derive(Clone, Debug)]
pub(super) struct Home {
    path: PathBuf,
}

/// One line of the history of interactive grants.
#[derive(Debug)]
pub(super) struct PastInteractive {
    pub(super) delegator: PublicKey,
    pub(super) delegatee: PublicKey,
    pub(super) channel: String,
    pub(super) epoch: u32,
    pub(super) field: String,
}

impl Home {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Writes the home of these secrets: beside its place first, then by rename, so that there is
    /// never half an administrator.
    pub(super) fn create(
        path: &Path,
        secrets: &Secrets,
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, AdministratorError> {
        let home = Self::at(path);
        let occupied = fs::read_dir(path).is_ok_and(|mut files| files.next().is_some());
        if occupied || path.is_file() {
            return Err(AdministratorError::HomeExists(path.to_owned()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fresh =
            Self { path: path.with_file_name(format!(".{name}.new-{}", std::process::id())) };
        let io = |error| AdministratorError::Home { path: fresh.path.clone(), error };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io)?;
        }
        fresh.create_directory(&fresh.path)?;
        let written = fresh.write_new(secrets, passphrase, rng);
        let moved = written.and_then(|()| {
            fs::rename(&fresh.path, path)
                .map_err(|error| AdministratorError::Home { path: path.to_owned(), error })
        });
        if moved.is_err() {
            // Nobody has used these secrets from here yet.
            let _ = fs::remove_dir_all(&fresh.path);
        }
        moved.map(|()| home)
    }

    fn write_new(
        &self,
        Secrets { master, signing }: &Secrets,
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AdministratorError> {
        let seed = Zeroizing::new(signing.to_bytes());
        let public = AdministratorKey::from_bytes(&signing.verifying_key().to_bytes())
            .and_then(|key| key.to_pem())
            .map_err(|error| self.signing_key_error(error))?;
        self.write_secret(MASTER, OID_MASTER, &master.to_bytes(), passphrase, rng)?;
        self.write_secret(SIGNING, OID_ED25519, &seed, passphrase, rng)?;
        self.replace(PUBLIC, public.as_bytes())?;
        self.create_directory(&self.path.join(GATEWAYS))
    }

    fn create_directory(&self, path: &Path) -> Result<(), AdministratorError> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        builder
            .create(path)
            .map_err(|error| AdministratorError::Home { path: path.to_owned(), error })
    }

    fn write_secret(
        &self,
        name: &str,
        oid: key_file::ObjectIdentifier,
        secret: &[u8; 32],
        passphrase: Option<&[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), AdministratorError> {
        let path = self.path.join(name);
        key_file::encode_secret(oid, secret, passphrase, rng)
            .map_err(KeyFileError::from)
            .and_then(|text| write_secret_file(&path, &text))
            .map_err(|error| AdministratorError::KeyFile { path, error })
    }

    /// Reads the secrets.
    pub(super) fn secrets(&self, passphrase: Option<&[u8]>) -> Result<Secrets, AdministratorError> {
        let read = |name: &str, oid| {
            let path = self.path.join(name);
            read_secret_file(&path)
                .and_then(|text| Ok(key_file::decode_secret(oid, &text, passphrase)?))
                .map_err(|error| AdministratorError::KeyFile { path, error })
        };
        let master = read(MASTER, OID_MASTER)?;
        let signing = read(SIGNING, OID_ED25519)?;
        Ok(Secrets {
            master: MasterSecret::from_bytes(master.as_ref())?,
            signing: SigningKey::from_bytes(&signing),
        })
    }

    pub(super) fn signing_key_error(&self, error: KeyFileError) -> AdministratorError {
        AdministratorError::KeyFile { path: self.path.join(SIGNING), error }
    }

    pub(super) fn add_gateway(&self, gateway: &GatewayPublicKey) -> Result<(), AdministratorError> {
        let name = format!("{GATEWAYS}/{}.pub", gateway.id());
        let text = gateway.to_pem().map_err(|error| self.key_error(&name, error))?;
        self.replace(&name, text.as_bytes())
    }

    pub(super) fn gateways(&self) -> Result<Vec<GatewayPublicKey>, AdministratorError> {
        let path = self.path.join(GATEWAYS);
        let io = |error| AdministratorError::Home { path: path.clone(), error };
        let mut gateways = Vec::new();
        for item in fs::read_dir(&path).map_err(io)? {
            let path = item.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "pub") {
                let text = fs::read_to_string(&path).map_err(io)?;
                gateways.push(
                    GatewayPublicKey::from_pem(&text)
                        .map_err(|error| AdministratorError::KeyFile { path, error })?,
                );
            }
        }
        gateways.sort_by_key(GatewayPublicKey::id);
        Ok(gateways)
    }

    /// The highest revision that this administrator signed.
    pub(super) fn seen(&self) -> Result<Seen, AdministratorError> {
        let path = self.path.join(REVISION);
        Seen::load(&path).map_err(|error| AdministratorError::State { path, error })
    }

    pub(super) fn save_seen(&self, seen: &Seen) -> Result<(), AdministratorError> {
        let path = self.path.join(REVISION);
        seen.save(&path).map_err(|error| AdministratorError::State { path, error })
    }

    /// Notes an interactive grant for ever. A gateway that once had b/a1 may have kept it.
    pub(super) fn note_interactive(&self, body: &GrantBody) -> Result<(), AdministratorError> {
        let path = self.path.join(INTERACTIVE);
        let line = format!(
            "{} {} {} {} {} {}\n",
            body.delegator.suite(),
            hex::encode(body.delegator.to_bytes()),
            hex::encode(body.delegatee.to_bytes()),
            body.epoch,
            body.channel,
            body.field,
        );
        append(&path, line.as_bytes()).map_err(|error| AdministratorError::Home { path, error })
    }

    pub(super) fn past_interactive(&self) -> Result<Vec<PastInteractive>, AdministratorError> {
        let path = self.path.join(INTERACTIVE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(AdministratorError::Home { path, error }),
        };
        // A last line that was cut short is a grant that was not issued.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .zip(1..)
            .map(|(text, line)| {
                parse_interactive(text).ok_or_else(|| AdministratorError::State {
                    path: path.clone(),
                    error: SeenError::Damaged { line },
                })
            })
            .collect()
    }

    fn replace(&self, name: &str, content: &[u8]) -> Result<(), AdministratorError> {
        let path = self.path.join(name);
        replace_file(&path, content).map_err(|error| AdministratorError::Home { path, error })
    }

    fn key_error(&self, name: &str, error: KeyFileError) -> AdministratorError {
        AdministratorError::KeyFile { path: self.path.join(name), error }
    }
}

fn parse_interactive(line: &str) -> Option<PastInteractive> {
    let mut words = line.splitn(6, ' ');
    let suite: Suite = words.next()?.parse().ok()?;
    let mut key = || {
        let bytes = hex::decode(words.next()?).ok()?;
        PublicKey::from_bytes(suite, &bytes).ok()
    };
    let (delegator, delegatee) = (key()?, key()?);
    let epoch = words.next()?.parse().ok()?;
    let channel = words.next()?.to_owned();
    let field = words.next()?.to_owned();
    Some(PastInteractive { delegator, delegatee, channel, epoch, field })
}

/// Appends a line; what an earlier one left unfinished is cut off first.
fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let whole = match fs::read(path) {
        Ok(text) => text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let mut file: File = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    let end = u64::try_from(whole).map_err(io::Error::other)?;
    file.set_len(end)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(end))?;
    file.write_all(line)?;
    file.sync_all()
}
