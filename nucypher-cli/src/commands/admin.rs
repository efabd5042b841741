//! `nucypher admin`: the administrator's home, its gateways and the registry's head.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use nucypher_kafka::registry::{Administrator, GatewayKeyId, Overview};
use nucypher_pre::os_rng;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::files::{self, Existing, Secrecy};
use crate::instant;
use crate::keys::PassphraseArgs;
use crate::output::{self, Format};
use crate::registry::{self, AdministratorArgs, RegistryArgs};

/// Set up the administrator and the registry.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an administrator: its secrets, and a registry with a signed head
    #[command(after_help = "Example:\n  \
        nucypher admin init --home admin --registry registry --encrypt\n\n\
        The home holds the master secret and the signing key: keep it away from brokers and\n\
        gateways, and keep a copy. The registry is public: gateways read it. Gateways and\n\
        producers get administrator.pub by a way they trust.")]
    Init(InitArgs),
    /// Register a gateway: later grants are sealed to it
    #[command(
        after_help = "Example:\n  nucypher key generate --gateway --out gateway.pem --public \
        gateway.pub\n  nucypher admin add-gateway gateway.pub\n\n\
        Grants that are there already are not sealed to it: issue them again."
    )]
    AddGateway(AddGatewayArgs),
    /// Sign a new head, so that gateways go on acting on the registry
    #[command(after_help = "Example:\n  nucypher admin renew --valid-for 90d\n\n\
        Each change renews the head too. Gateways deny all channels once it has expired.")]
    Renew(RenewArgs),
    /// Show the registry's revision and validity, and count what is in it
    #[command(after_help = "Example:\n  nucypher admin show --format json")]
    Show(ShowArgs),
    /// Split the secrets of the home into shares, for safekeeping
    #[command(
        after_help = "Example:\n  nucypher admin split --threshold 3 --shares 5 --out shares\n\n\
        Any three of the five give the secrets back, two say nothing (Shamir). Give each share to\n\
        another keeper. The home goes on working."
    )]
    Split(SplitArgs),
    /// Make a home again from shares
    #[command(after_help = "Example:\n  \
        nucypher admin restore --home admin --encrypt share-1.pem share-4.pem share-5.pem")]
    Restore(RestoreArgs),
}

/// Arguments of `admin split`.
#[derive(Args, Debug)]
pub(crate) struct SplitArgs {
    #[command(flatten)]
    place: AdministratorArgs,
    /// How many shares give the secrets back
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u8).range(2..))]
    threshold: u8,
    /// How many shares to make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..))]
    shares: u8,
    /// The folder to write share-1.pem, share-2.pem, .. into, with mode 0600
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Arguments of `admin restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The shares, as many as the threshold says or more
    #[arg(required = true)]
    shares: Vec<PathBuf>,
    #[command(flatten)]
    place: AdministratorArgs,
    /// Protect the secrets with a passphrase (PKCS#8, PBES2 with scrypt)
    #[arg(long)]
    encrypt: bool,
}

/// Arguments of `admin init`.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    place: AdministratorArgs,
    /// Protect the secrets with a passphrase (PKCS#8, PBES2 with scrypt)
    #[arg(long)]
    encrypt: bool,
    /// How long gateways act on a head, such as 90d; or `forever`
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = validity)]
    valid_for: HeadValidity,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `admin add-gateway`.
#[derive(Args, Debug)]
pub(crate) struct AddGatewayArgs {
    /// The gateway's public key
    gateway: PathBuf,
    #[command(flatten)]
    place: AdministratorArgs,
}

/// Arguments of `admin renew`.
#[derive(Args, Debug)]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    place: AdministratorArgs,
    /// How long gateways act on it, such as 90d; or `forever` [default: as long as the last]
    #[arg(long, value_name = "SPAN", value_parser = validity)]
    valid_for: Option<HeadValidity>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `admin show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    registry: RegistryArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How long a head is valid.
#[derive(Clone, Copy, Debug)]
struct HeadValidity(Option<i64>);

fn validity(text: &str) -> Result<HeadValidity, String> {
    if text == "forever" {
        return Ok(HeadValidity(None));
    }
    instant::parse_span(text).map(|span| HeadValidity(Some(span)))
}

/// What there is, without secrets.
#[derive(Serialize)]
struct Shown {
    administrator: String,
    revision: u64,
    issued: i64,
    valid_until: Option<i64>,
    channels: usize,
    grants: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateways: Option<Vec<GatewayKeyId>>,
}

impl Shown {
    fn new(overview: &Overview, gateways: Option<Vec<GatewayKeyId>>) -> Self {
        Self {
            administrator: overview.administrator.to_string(),
            revision: overview.revision,
            issued: overview.issued,
            valid_until: overview.valid_until,
            channels: overview.channels.len(),
            grants: overview.grants.len(),
            gateways,
        }
    }

    fn print(&self, format: Format) -> Result<()> {
        if format == Format::Json {
            return output::json(self);
        }
        let until = self.valid_until.map_or_else(|| "without end".to_owned(), instant::show);
        output::line(&format!("administrator  {}", self.administrator))?;
        output::line(&format!("revision       {}", self.revision))?;
        output::line(&format!("signed         {}", instant::show(self.issued)))?;
        output::line(&format!("valid until    {until}"))?;
        output::line(&format!("channels       {}", self.channels))?;
        output::line(&format!("grants         {}", self.grants))?;
        if let Some(gateways) = &self.gateways {
            let gateways: Vec<_> = gateways.iter().map(ToString::to_string).collect();
            let none = "none: nucypher admin add-gateway GATEWAY.pub registers one".to_owned();
            let gateways = if gateways.is_empty() { none } else { gateways.join(", ") };
            output::line(&format!("gateways       {gateways}"))?;
        }
        Ok(())
    }
}

/// Run a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Init(args) => init(args),
        Command::AddGateway(args) => add_gateway(args),
        Command::Renew(args) => renew(args),
        Command::Split(args) => split(args),
        Command::Restore(args) => restore(args),
        Command::Show(args) => Shown::new(&args.registry.overview()?, None).print(args.format),
    }
}

fn init(args: &InitArgs) -> Result<()> {
    let AdministratorArgs { home, registry, passphrase } = &args.place;
    let passphrase = new_passphrase(args.encrypt, passphrase, home)?;
    let administrator = Administrator::init(
        home,
        registry,
        passphrase.as_ref().map(|passphrase| passphrase.as_bytes()),
        args.valid_for.0,
        instant::now()?,
        &mut os_rng(),
    )?;
    print(&administrator, &administrator.overview(instant::now()?)?, args.format)?;
    output::remark(&format!(
        "{} is secret and needs a copy in a safe place; {} is for gateways. Next: nucypher admin \
         add-gateway GATEWAY.pub, then nucypher channel create NAME",
        home.display(),
        registry.display()
    ));
    Ok(())
}

/// The passphrase that is to protect a new home.
fn new_passphrase(
    encrypt: bool,
    passphrase: &PassphraseArgs,
    home: &Path,
) -> Result<Option<Zeroizing<String>>> {
    ensure!(
        encrypt || !passphrase.is_named(),
        "a passphrase was given without --encrypt; give both to protect the secrets, or neither"
    );
    if encrypt { passphrase.for_protecting(home).map(Some) } else { Ok(None) }
}

fn split(args: &SplitArgs) -> Result<()> {
    let shares = args.place.open()?.split(args.threshold, args.shares, &mut os_rng())?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create {}", args.out.display()))?;
    for (share, number) in shares.iter().zip(1..) {
        let path = args.out.join(format!("share-{number}.pem"));
        files::write_output(&path, share.as_bytes(), Secrecy::Secret, Existing::Keep)?;
        output::line(&path.display().to_string())?;
    }
    output::remark(&format!(
        "any {} of them are the administrator: give each to another keeper, and delete them here. \
         The home stays as it is",
        args.threshold
    ));
    Ok(())
}

fn restore(args: &RestoreArgs) -> Result<()> {
    let AdministratorArgs { home, registry, passphrase } = &args.place;
    let shares = args
        .shares
        .iter()
        .map(|path| {
            files::ensure_private(path)?;
            files::read_text(path)
        })
        .collect::<Result<Vec<_>>>()?;
    let passphrase = new_passphrase(args.encrypt, passphrase, home)?;
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_bytes());
    let administrator = Administrator::restore(home, registry, &shares, passphrase, &mut os_rng())?;
    output::line(&format!(
        "administrator {} is back in {}",
        administrator.public_key().id(),
        home.display()
    ))?;
    output::remark(
        "register the gateways again (nucypher admin add-gateway), and bring back the old home's \
         files revision and interactive if there is a copy of them",
    );
    Ok(())
}

fn add_gateway(args: &AddGatewayArgs) -> Result<()> {
    let gateway = registry::read_gateway(&args.gateway)?;
    args.place.open()?.add_gateway(&gateway)?;
    output::line(&format!("gateway {} is registered", gateway.id()))
}

fn renew(args: &RenewArgs) -> Result<()> {
    let administrator = args.place.open()?;
    let valid_for = args.valid_for.map(|HeadValidity(span)| span);
    let overview = administrator.renew_head(valid_for, instant::now()?)?;
    print(&administrator, &overview, args.format)
}

fn print(administrator: &Administrator, overview: &Overview, format: Format) -> Result<()> {
    let gateways = administrator.gateways()?.iter().map(|gateway| gateway.id()).collect();
    Shown::new(overview, Some(gateways)).print(format)
}
