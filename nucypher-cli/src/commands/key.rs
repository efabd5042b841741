//! `nucypher key`: key pairs as PKCS#8 and SPKI PEM files on secp256k1, as OpenSSL reads
//! and writes them.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use nucypher_kafka::registry::GatewaySecretKey;
use nucypher_pre::{PublicKey, SecretKey, Suite, os_rng};
use serde::Serialize;

use crate::files::{self, Existing, Secrecy};
use crate::keys::{self, KeyFile, PassphraseArgs};
use crate::output::{self, Format};

/// Make and look at key files.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key pair
    #[command(
        after_help = "Example:\n  nucypher key generate --out alice.pem --public alice.pub\n\n\
        The same with OpenSSL:\n  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out alice.pem\n  \
        openssl pkey -in alice.pem -pubout -out alice.pub"
    )]
    Generate(GenerateArgs),
    /// Show the id and the public half of a key file
    #[command(after_help = "Example:\n  nucypher key show alice.pem --public alice.pub")]
    Show(ShowArgs),
}

/// Arguments of `key generate`.
#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// Where the private key goes (mode 0600)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where the public key goes
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Make a gateway's key (X25519), to which administrators seal grants, instead of a
    /// producer's or consumer's (secp256k1)
    #[arg(long, conflicts_with = "encrypt")]
    gateway: bool,
    /// Protect the private key with a passphrase (PKCS#8, PBES2 with scrypt)
    #[arg(long)]
    encrypt: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// How to print the key's id
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `key show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// A private or a public key
    file: PathBuf,
    /// Write the public key to this file, `-` for standard output
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is public about a key file.
#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    id: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<bool>,
}

impl Shown {
    fn new(kind: &'static str, public: &PublicKey, encrypted: Option<bool>) -> Self {
        Self {
            kind,
            id: public.id().to_string(),
            public_key: hex::encode(public.to_bytes()),
            encrypted,
        }
    }

    fn print(&self, format: Format) -> Result<()> {
        match format {
            Format::Json => output::json(self),
            Format::Text => {
                output::line(&format!("key id      {}", self.id))?;
                output::line(&format!("public key  {}", self.public_key))?;
                let protection = match self.encrypted {
                    Some(true) => ", protected by a passphrase",
                    Some(false) => ", not protected by a passphrase",
                    None => "",
                };
                output::line(&format!("kind        {}{protection}", self.kind))
            }
        }
    }
}

/// A key file does not name a suite and neither do its id and its public half.
const ANY_SUITE: Suite = Suite::Bbs98;

/// Run a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Generate(args) => generate(args),
        Command::Show(args) => show(args),
    }
}

fn generate(args: &GenerateArgs) -> Result<()> {
    ensure!(
        args.out.as_os_str() != "-",
        "a private key is not written to standard output; give --out a file"
    );
    ensure!(args.public.as_ref() != Some(&args.out), "--out and --public name the same file");
    ensure!(
        args.encrypt || !args.passphrase.is_named(),
        "a passphrase was given without --encrypt; give both to protect the key, or neither"
    );
    let mut rng = os_rng();
    if args.gateway {
        let key = GatewaySecretKey::generate(&mut rng);
        let public = key.public_key();
        write_pair(args, &key.to_pem(None, &mut rng)?, &public.to_pem()?)?;
        let (id, public_key) = (key.id().to_string(), hex::encode(public.to_bytes()));
        return finish(args, &Shown { kind: "gateway", id, public_key, encrypted: Some(false) });
    }
    let key = SecretKey::generate(ANY_SUITE, &mut rng);
    let pem = if args.encrypt {
        key.to_encrypted_pem(args.passphrase.for_protecting(&args.out)?.as_bytes(), &mut rng)?
    } else {
        key.to_pem()?
    };
    write_pair(args, &pem, &key.public_key().to_pem()?)?;
    finish(args, &Shown::new("private", key.public_key(), Some(args.encrypt)))
}

/// Write the public key first, so that a refusal leaves no private key without its public half.
fn write_pair(args: &GenerateArgs, private: &str, public: &str) -> Result<()> {
    let existing = Existing::from_force(args.force);
    if let Some(path) = &args.public {
        files::write_output(path, public.as_bytes(), Secrecy::Public, existing)?;
    }
    files::write_output(&args.out, private.as_bytes(), Secrecy::Secret, existing)
}

fn finish(args: &GenerateArgs, shown: &Shown) -> Result<()> {
    match &args.public {
        // The public key went to standard output: nothing may follow it there.
        Some(public) if public.as_os_str() == "-" => Ok(()),
        _ => shown.print(args.format),
    }
}

fn show(args: &ShowArgs) -> Result<()> {
    let (kind, public, encrypted) = match keys::read_key(&args.file, ANY_SUITE, &args.passphrase)? {
        KeyFile::Public(public) => ("public", public, None),
        KeyFile::Private { key, encrypted } => {
            ("private", key.public_key().clone(), Some(encrypted))
        }
    };
    if let Some(path) = &args.public {
        files::write_output(
            path,
            public.to_pem()?.as_bytes(),
            Secrecy::Public,
            Existing::from_force(args.force),
        )?;
        if path.as_os_str() == "-" {
            return Ok(());
        }
    }
    Shown::new(kind, &public, encrypted).print(args.format)
}
