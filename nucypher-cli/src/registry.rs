//! Where the administrator's commands work: its home, which is secret, and the registry, which is
//! public.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use nucypher_envelope::key_file::KeyFormatError;
use nucypher_kafka::registry::{
    Administrator, AdministratorError, AdministratorKey, GatewayPublicKey, KeyFileError, Overview,
};

use crate::exit::{Coded, Exit};
use crate::files;
use crate::instant;
use crate::keys::PassphraseArgs;

/// The administrator's public key in its home.
const PUBLIC: &str = "administrator.pub";

/// An administrator and its registry.
#[derive(Args, Debug)]
pub(crate) struct AdministratorArgs {
    /// The administrator's home: master secret and signing key
    #[arg(long, value_name = "DIR", default_value = "admin")]
    pub(crate) home: PathBuf,
    /// The registry: signed entries, for gateways
    #[arg(long, value_name = "DIR", default_value = "registry")]
    pub(crate) registry: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

impl AdministratorArgs {
    /// Opens the administrator's home, with its passphrase where it has one.
    pub(crate) fn open(&self) -> Result<Administrator> {
        match Administrator::open(&self.home, &self.registry, None) {
            Err(AdministratorError::KeyFile {
                path,
                error: KeyFileError::Format(KeyFormatError::PassphraseNeeded),
            }) => {
                let passphrase = self.passphrase.for_opening(&path)?;
                let passphrase = Some(passphrase.as_bytes());
                Ok(Administrator::open(&self.home, &self.registry, passphrase)?)
            }
            opened => opened.with_context(|| no_home(&self.home)),
        }
    }
}

/// A registry to be read; that takes no secret.
#[derive(Args, Debug)]
pub(crate) struct RegistryArgs {
    /// The registry: signed entries, for gateways
    #[arg(long, value_name = "DIR", default_value = "registry")]
    registry: PathBuf,
    /// The public key of the administrator whose entries are wanted [default:
    /// administrator.pub in the home]
    #[arg(long, value_name = "FILE")]
    administrator: Option<PathBuf>,
    /// The administrator's home
    #[arg(long, value_name = "DIR", default_value = "admin", conflicts_with = "administrator")]
    home: PathBuf,
}

impl RegistryArgs {
    /// Reads and verifies the administrator's part of the registry.
    pub(crate) fn overview(&self) -> Result<Overview> {
        let path = self.administrator.clone().unwrap_or_else(|| self.home.join(PUBLIC));
        let text = files::read_text(&path).context(
            "the administrator's public key is needed: give --administrator FILE or --home DIR",
        )?;
        let key = AdministratorKey::from_pem(&text).map_err(|error| {
            Coded::error(Exit::Malformed, format!("{}: {error}", path.display()))
        })?;
        Ok(Overview::read(&self.registry, &key, instant::now()?)?)
    }
}

/// Reads a gateway's public key.
pub(crate) fn read_gateway(path: &Path) -> Result<GatewayPublicKey> {
    let text = files::read_text(path)?;
    GatewayPublicKey::from_pem(&text).map_err(|error| {
        Coded::error(
            Exit::Malformed,
            format!(
                "{}: {error}; a gateway's public key is wanted: nucypher key generate --gateway \
                 writes one",
                path.display()
            ),
        )
    })
}

fn no_home(home: &Path) -> String {
    format!(
        "cannot open the administrator in {}: name its home with --home, or make one with `nucypher \
         admin init`",
        home.display()
    )
}
