//! Key files: PKCS#8 and SPKI PEM on secp256k1, with or without a passphrase.
//!
//! A key file does not say to which suite its key belongs, so every reader is told.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use nucypher_pre::{PemError, PublicKey, SecretKey, Suite};
use zeroize::Zeroizing;

use crate::exit::{Coded, Exit};
use crate::files;

/// The variable that holds a passphrase.
const PASSPHRASE_VARIABLE: &str = "NUCYPHER_PASSPHRASE";

/// The first lines of the PEM forms that are read here.
const ENCRYPTED_LABEL: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const PUBLIC_LABEL: &str = "-----BEGIN PUBLIC KEY-----";

/// Where the passphrase of an encrypted key file comes from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PassphraseArgs {
    /// File whose first line is the passphrase of the key file; /dev/fd/3 is a file descriptor.
    /// Without it NUCYPHER_PASSPHRASE is used, then the terminal is asked
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Command that prints the passphrase, for a vault, a KMS or an HSM: `sh -c COMMAND`, with the
    /// key file's name in NUCYPHER_KEY_FILE
    #[arg(long, value_name = "COMMAND", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_command: Option<String>,
}

impl PassphraseArgs {
    /// The passphrase that opens `key_file`.
    pub(crate) fn for_opening(&self, key_file: &Path) -> Result<Zeroizing<String>> {
        if let Some(passphrase) = self.without_asking(key_file)? {
            return Ok(passphrase);
        }
        let prompt = format!("Passphrase of {}: ", key_file.display());
        ask_once(&prompt, "--passphrase-file FILE", PASSPHRASE_VARIABLE)
            .with_context(|| format!("{} is protected by a passphrase", key_file.display()))
    }

    /// A passphrase for a new key file, asked twice where a terminal is asked.
    pub(crate) fn for_protecting(&self, key_file: &Path) -> Result<Zeroizing<String>> {
        let passphrase = match self.without_asking(key_file)? {
            Some(passphrase) => passphrase,
            None => ask_twice("New passphrase: ", "--passphrase-file FILE", PASSPHRASE_VARIABLE)?,
        };
        ensure!(
            !passphrase.is_empty(),
            "the passphrase is empty; leave out --encrypt for a key file without one"
        );
        Ok(passphrase)
    }

    /// Whether a source of the passphrase was named on the command line.
    pub(crate) fn is_named(&self) -> bool {
        self.passphrase_file.is_some() || self.passphrase_command.is_some()
    }

    /// The passphrase from the command, the file or the environment.
    fn without_asking(&self, key_file: &Path) -> Result<Option<Zeroizing<String>>> {
        if let Some(command) = &self.passphrase_command {
            return from_command(command, key_file).map(Some);
        }
        secret_without_asking(self.passphrase_file.as_deref(), PASSPHRASE_VARIABLE)
    }
}

/// A secret from the first line of a private file, or else from a variable.
pub(crate) fn secret_without_asking(
    file: Option<&Path>,
    variable: &str,
) -> Result<Option<Zeroizing<String>>> {
    if let Some(path) = file {
        files::ensure_private(path)?;
        return first_line(path).map(Some);
    }
    match std::env::var(variable) {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{variable} is not UTF-8"),
    }
}

/// The first line that a command prints. What it says on standard error is shown; a passphrase that
/// is empty, or an exit code other than 0, is an error.
fn from_command(command: &str, key_file: &Path) -> Result<Zeroizing<String>> {
    let output = Command::new("sh")
        .arg("-c")
        .arg(command)
        .env("NUCYPHER_KEY_FILE", key_file)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run `sh` for --passphrase-command")?;
    let printed = Zeroizing::new(output.stdout);
    ensure!(output.status.success(), "--passphrase-command failed ({}): {command}", output.status);
    let text = std::str::from_utf8(&printed)
        .ok()
        .context("--passphrase-command printed something that is not text")?;
    let line = first_line_of(text);
    ensure!(!line.is_empty(), "--passphrase-command printed no passphrase: {command}");
    Ok(line)
}

/// Ask the terminal for a secret. `option` and `variable` are the ways without one.
pub(crate) fn ask_once(prompt: &str, option: &str, variable: &str) -> Result<Zeroizing<String>> {
    ask(&terminal(option, variable)?, prompt)
}

/// Ask the terminal for a new secret, twice. `option` and `variable` are the ways without one.
pub(crate) fn ask_twice(prompt: &str, option: &str, variable: &str) -> Result<Zeroizing<String>> {
    let term = terminal(option, variable).context("a secret is needed")?;
    let first = ask(&term, prompt)?;
    let second = ask(&term, "The same again: ")?;
    ensure!(*first == *second, "the two differ; nothing was written");
    Ok(first)
}

/// The first line of a secret file, without its line end.
fn first_line(path: &Path) -> Result<Zeroizing<String>> {
    Ok(first_line_of(&files::read_text(path)?))
}

fn first_line_of(text: &str) -> Zeroizing<String> {
    let line = text.split('\n').next().unwrap_or_default();
    Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// The terminal, also where standard input is data: `console` then reads from /dev/tty.
fn terminal(option: &str, variable: &str) -> Result<console::Term> {
    let reads = std::io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok();
    ensure!(
        reads && std::io::stderr().is_terminal(),
        "there is no terminal to ask for it; give {option} or set {variable}"
    );
    Ok(console::Term::stderr())
}

fn ask(term: &console::Term, prompt: &str) -> Result<Zeroizing<String>> {
    term.write_str(prompt)?;
    Ok(Zeroizing::new(term.read_secure_line().context("cannot read from the terminal")?))
}

/// What a key file holds.
pub(crate) enum KeyFile {
    /// A public key.
    Public(PublicKey),
    /// A private key; `encrypted` where the file has a passphrase.
    Private {
        /// The key.
        key: SecretKey,
        /// Whether a passphrase protects the file.
        encrypted: bool,
    },
}

/// Read a key file of either kind.
pub(crate) fn read_key(path: &Path, suite: Suite, passphrase: &PassphraseArgs) -> Result<KeyFile> {
    let text = files::read_text(path)?;
    if text.contains(PUBLIC_LABEL) {
        return public_from_pem(path, suite, &text).map(KeyFile::Public);
    }
    files::ensure_private(path)?;
    if text.contains("-----BEGIN EC PRIVATE KEY-----") {
        return Err(Coded::error(
            Exit::Malformed,
            format!(
                "{0} is in the older SEC 1 form; turn it into PKCS#8 with: openssl pkcs8 -topk8 -nocrypt -in {0} -out FILE",
                path.display()
            ),
        ));
    }
    let encrypted = text.contains(ENCRYPTED_LABEL);
    let passphrase = if encrypted { Some(passphrase.for_opening(path)?) } else { None };
    let key = SecretKey::from_pem(suite, &text, passphrase.as_ref().map(|p| p.as_bytes()))
        .map_err(|error| {
            Coded::error(
                if error == PemError::Passphrase { Exit::Failure } else { Exit::Malformed },
                match error {
                    PemError::Passphrase => format!("{}: {error}", path.display()),
                    _ => format!(
                        "{}: {error}; a private key in PKCS#8 PEM on secp256k1 is wanted",
                        path.display()
                    ),
                },
            )
        })?;
    Ok(KeyFile::Private { key, encrypted })
}

/// Read a private key.
pub(crate) fn read_secret(
    path: &Path,
    suite: Suite,
    passphrase: &PassphraseArgs,
) -> Result<SecretKey> {
    match read_key(path, suite, passphrase)? {
        KeyFile::Private { key, .. } => Ok(key),
        KeyFile::Public(_) => Err(Coded::error(
            Exit::Malformed,
            format!(
                "{} holds a public key; the private key that belongs to it is wanted here",
                path.display()
            ),
        )),
    }
}

/// Read a public key.
pub(crate) fn read_public(path: &Path, suite: Suite) -> Result<PublicKey> {
    let text = files::read_text(path)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(Coded::error(
            Exit::Malformed,
            format!(
                "{0} holds a private key; a public key is wanted here: nucypher key show {0} --public FILE writes it",
                path.display()
            ),
        ));
    }
    public_from_pem(path, suite, &text)
}

fn public_from_pem(path: &Path, suite: Suite, text: &str) -> Result<PublicKey> {
    PublicKey::from_pem(suite, text).map_err(|error| {
        Coded::error(
            Exit::Malformed,
            format!("{}: {error}; a public key in SPKI PEM on secp256k1 is wanted", path.display()),
        )
    })
}
