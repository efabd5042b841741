//! `nucypher seal`, `rekey`, `reencrypt` and `open`: proxy re-encryption on files.
//!
//! A sealed file is one EDEK and then one sealed value, no record key bound
//! (docs/spec, "EDEK" and "Sealed value"). A re-encryption key file is PEM and secret.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use nucypher_envelope::{ChannelName, Edek, OpenError, State};
use nucypher_pre::{DelegationKind, ReencryptionKey, Suite, UnverifiedReencryptionKey, os_rng};

use crate::exit::{Coded, Exit};
use crate::files::{self, Existing, Secrecy};
use crate::keys::{self, KeyFile, PassphraseArgs};
use crate::output;

/// The suites by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SuiteName {
    /// ElGamal form of Blaze, Bleumer and Strauss (1998)
    Bbs98,
    /// ECIES key encapsulation
    Ecies,
}

impl From<SuiteName> for Suite {
    fn from(name: SuiteName) -> Self {
        match name {
            SuiteName::Bbs98 => Self::Bbs98,
            SuiteName::Ecies => Self::Ecies,
        }
    }
}

impl fmt::Display for SuiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Suite::from(*self))
    }
}

/// The input and the output of a command.
#[derive(Args, Debug)]
struct InOut {
    /// Input, `-` for standard input
    #[arg(value_name = "IN", default_value = "-")]
    input: PathBuf,
    /// Output, `-` for standard output; a file that exists is replaced as a whole
    #[arg(value_name = "OUT", default_value = "-")]
    output: PathBuf,
}

impl InOut {
    fn write(&self, bytes: &[u8], secrecy: Secrecy) -> Result<()> {
        files::write_output(&self.output, bytes, secrecy, Existing::Replace)
    }

    /// The input's name in a message.
    fn name(&self) -> String {
        if self.input == Path::new("-") {
            "standard input".to_owned()
        } else {
            self.input.display().to_string()
        }
    }
}

/// Arguments of `seal`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  nucypher seal --to alice.pub --context orders report.pdf report.sealed"
)]
pub(crate) struct SealArgs {
    /// Public key of whoever may open the file
    #[arg(long, value_name = "PUBLIC")]
    to: PathBuf,
    /// Suite of that key; a key belongs to one suite for its whole life
    #[arg(long, value_enum, default_value_t = SuiteName::Bbs98)]
    suite: SuiteName,
    /// What the file belongs to, the channel's name for a record: whoever opens it must name the same
    #[arg(long, value_name = "NAME")]
    context: String,
    #[command(flatten)]
    io: InOut,
}

/// Arguments of `rekey`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nucypher rekey --from alice.pem --to bob.pub --out alice-to-bob.rekey   (non-interactive)\n  \
    nucypher rekey --from alice.pem --to bob.pem --out alice-to-bob.rekey   (interactive)\n\n\
    Who holds a re-encryption key and one of the two private keys can compute the other one."
)]
pub(crate) struct RekeyArgs {
    /// Private key under which the files were sealed
    #[arg(long, value_name = "PRIVATE")]
    from: PathBuf,
    /// Key that shall open them: the public key, or the private key for the interactive form
    #[arg(long, value_name = "PUBLIC|PRIVATE")]
    to: PathBuf,
    /// Suite of both keys
    #[arg(long, value_enum, default_value_t = SuiteName::Bbs98)]
    suite: SuiteName,
    /// Where the re-encryption key goes (mode 0600); a file that exists is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// File with the passphrase of the private key given to --to
    #[arg(long, value_name = "FILE")]
    to_passphrase_file: Option<PathBuf>,
}

/// Arguments of `reencrypt`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  nucypher reencrypt --rekey alice-to-bob.rekey report.sealed report.for-bob"
)]
pub(crate) struct ReencryptArgs {
    /// Re-encryption key from the key that opens the file now
    #[arg(long, value_name = "FILE")]
    rekey: PathBuf,
    #[command(flatten)]
    io: InOut,
}

/// Arguments of `open`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  nucypher open --key bob.pem --context orders report.for-bob report.pdf"
)]
pub(crate) struct OpenArgs {
    /// Private key
    #[arg(long, value_name = "PRIVATE")]
    key: PathBuf,
    /// The context under which the file was sealed
    #[arg(long, value_name = "NAME")]
    context: String,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    io: InOut,
}

/// `nucypher seal`
pub(crate) fn seal(args: &SealArgs) -> Result<()> {
    let context = context_name(&args.context)?;
    let to = keys::read_public(&args.to, args.suite.into())?;
    let plaintext = files::read_input(&args.io.input)?;
    let sealed = nucypher_envelope::seal_file(&to, &context, &plaintext, &mut os_rng())?;
    args.io.write(&sealed, Secrecy::Public)
}

/// `nucypher rekey`
pub(crate) fn rekey(args: &RekeyArgs) -> Result<()> {
    ensure!(
        args.out.as_os_str() != "-",
        "a re-encryption key is secret and is not written to standard output"
    );
    let suite = args.suite.into();
    let from = keys::read_secret(&args.from, suite, &args.passphrase)
        .context("--from is the private key under which the files were sealed")?;
    let to_passphrase = match &args.to_passphrase_file {
        Some(path) => {
            PassphraseArgs { passphrase_file: Some(path.clone()), ..PassphraseArgs::default() }
        }
        None => PassphraseArgs::default(),
    };
    let key = match keys::read_key(&args.to, suite, &to_passphrase)? {
        KeyFile::Public(to) => ReencryptionKey::non_interactive(&from, &to, &mut os_rng()),
        KeyFile::Private { key: to, .. } => ReencryptionKey::interactive(&from, &to),
    };
    let key =
        key.with_context(|| format!("from {} to {}", args.from.display(), args.to.display()))?;
    files::write_output(&args.out, key.to_pem()?.as_bytes(), Secrecy::Secret, Existing::Replace)?;
    if key.kind() == DelegationKind::Interactive {
        output::remark(
            "interactive re-encryption keys compose: two of them to one key give the way between their \
             two other keys. Use the private key of --to for this one delegation only, or give its public key",
        );
    }
    output::line(&format!(
        "{} -> {}  ({}, {})",
        key.delegator().id(),
        key.delegatee().id(),
        suite,
        kind_name(key.kind())
    ))
}

/// `nucypher reencrypt`
pub(crate) fn reencrypt(args: &ReencryptArgs) -> Result<()> {
    let key = read_rekey(&args.rekey)?;
    let sealed = files::read_input(&args.io.input)?;
    let edek = edek_of(&sealed, &args.io.name())?;
    let wrong_key = |reason: String| {
        Coded::error(
            Exit::NotGranted,
            format!(
                "{} cannot be re-encrypted with {}: {reason}",
                args.io.name(),
                args.rekey.display()
            ),
        )
    };
    if edek.state() == State::NonInteractive {
        return Err(wrong_key(
            "it was re-encrypted by a non-interactive key already, which is the last step"
                .to_owned(),
        ));
    }
    if edek.opening_id() != key.delegator().id() {
        return Err(wrong_key(format!(
            "the key {} opens it now, and the re-encryption key leads from {} to {}",
            edek.opening_id(),
            key.delegator().id(),
            key.delegatee().id()
        )));
    }
    if edek.suite() != key.suite() {
        return Err(wrong_key(format!(
            "it is of suite {}, the re-encryption key of {}",
            edek.suite(),
            key.suite()
        )));
    }
    let moved = nucypher_envelope::reencrypt_file(&key, &sealed)
        .map_err(|error| Coded::error(Exit::Malformed, format!("{}: {error}", args.io.name())))?;
    args.io.write(&moved, Secrecy::Public)
}

/// `nucypher open`
pub(crate) fn open(args: &OpenArgs) -> Result<()> {
    let context = context_name(&args.context)?;
    let sealed = files::read_input(&args.io.input)?;
    let edek = edek_of(&sealed, &args.io.name())?;
    let key = keys::read_secret(&args.key, edek.suite(), &args.passphrase)?;
    let name = args.io.name();
    let plaintext = nucypher_envelope::open_file(&key, &context, &sealed).map_err(|error| match error {
        OpenError::NotGranted { opening_id } => Coded::error(
            Exit::NotGranted,
            format!(
                "{name} is sealed for the key {opening_id}, not for {} in {}; re-encrypt it first: \
                 nucypher reencrypt --rekey FILE, with a re-encryption key between the two",
                key.id(),
                args.key.display()
            ),
        ),
        OpenError::Altered => Coded::error(
            Exit::Altered,
            format!("{name} was altered, or it was sealed under another --context than {}", args.context),
        ),
        other => Coded::error(Exit::Malformed, format!("{name}: {other}")),
    })?;
    // The plaintext was secret so far; who else may read it is for the user to say.
    args.io.write(&plaintext, Secrecy::Secret)
}

/// A context as the envelope takes it: a channel name.
pub(crate) fn context_name(text: &str) -> Result<ChannelName> {
    ChannelName::new(text).map_err(|_| {
        Coded::error(
            Exit::Usage,
            format!("the context {text:?} is no channel name: 1 to 249 letters, digits, dots, underscores and hyphens"),
        )
    })
}

/// The EDEK at the start of a sealed file.
pub(crate) fn edek_of(sealed: &[u8], name: &str) -> Result<Edek> {
    nucypher_envelope::split_file(sealed).map(|(edek, _)| edek).map_err(|error| {
        Coded::error(Exit::Malformed, format!("{name} is not a sealed file: {error}"))
    })
}

fn read_rekey(path: &Path) -> Result<ReencryptionKey> {
    let text = files::read_text(path)?;
    files::ensure_private(path)?;
    let malformed = |reason: String| {
        Coded::error(
            Exit::Malformed,
            format!("{}: {reason}; `nucypher rekey` makes such files", path.display()),
        )
    };
    let key =
        UnverifiedReencryptionKey::from_pem(&text).map_err(|error| malformed(error.to_string()))?;
    key.verify().map_err(|error| malformed(error.to_string()))
}

fn kind_name(kind: DelegationKind) -> &'static str {
    match kind {
        DelegationKind::Interactive => "interactive",
        DelegationKind::NonInteractive => "non-interactive",
    }
}
