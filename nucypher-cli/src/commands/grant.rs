//! `nucypher grant`: who may have which channel's records re-encrypted, to which key.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{ArgGroup, Args, Subcommand};
use nucypher_kafka::registry::{
    Administrator, Consumer, EntryId, GrantKind, GrantRequest, GrantStatus, GrantSummary,
    PassThroughRequest, Validity, normalise_principal,
};
use nucypher_pre::os_rng;

use crate::instant::{self, Instant};
use crate::keys::{self, KeyFile};
use crate::output::{self, Format};
use crate::registry::{self, AdministratorArgs, RegistryArgs};

/// Grant and revoke what consumers may open.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Grant a principal a channel
    #[command(after_help = "Examples:\n  \
        nucypher grant add --channel orders --principal alice --to alice.pub\n  \
        nucypher grant add --channel orders --principal bob --to bob.pub --topic returns --not-after +90d\n  \
        nucypher grant add --channel orders --principal mirror --pass-through\n\n\
        The consumer's public key is enough. A private key makes an interactive grant: such grants\n\
        compose, and are refused where they would link channels. A grant for the same channel,\n\
        epoch, field and principal is replaced. Times: 2026-12-31T23:59:59Z, 2026-12-31, +90d.")]
    Add(AddArgs),
    /// List the grants
    #[command(after_help = "Example:\n  nucypher grant list --principal alice --format json")]
    List(ListArgs),
    /// Revoke a grant, everything that a principal was granted, or everything on a channel
    #[command(after_help = "Examples:\n  nucypher grant revoke 5f0c8e1f2b3a4d5c\n  \
        nucypher grant revoke --principal alice\n  nucypher grant revoke --channel orders\n\n\
        Gateways act on it with their next fetch response. A consumer keeps what it has read, and\n\
        the keys of sessions that it has read from until these end.")]
    Revoke(RevokeArgs),
}

/// Arguments of `grant add`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").required(true).args(["to", "pass_through"]))]
pub(crate) struct AddArgs {
    /// The channel
    #[arg(long, value_name = "NAME")]
    channel: String,
    /// Whom the gateway must have authenticated: alice, or User:alice
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// The consumer's public key (or its private key, for an interactive grant)
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Let it fetch records as they are stored, without re-encryption
    #[arg(long, conflicts_with_all = ["epoch", "field", "gateways"])]
    pass_through: bool,
    /// Bind the grant to a topic of the channel; repeat for more [default: all its topics]
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// The first instant at which it is valid
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    not_before: Option<Instant>,
    /// The last instant at which it is valid
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    not_after: Option<Instant>,
    /// The generation of the channel's keys [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    epoch: Option<u32>,
    /// The protected field group [default: the whole value]
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    /// The public key of a gateway that may carry it out; repeat for more [default: all that
    /// are registered]
    #[arg(long = "gateway", value_name = "FILE")]
    gateways: Vec<PathBuf>,
    #[command(flatten)]
    place: AdministratorArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `grant list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only grants on this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Only this principal's grants
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    #[command(flatten)]
    registry: RegistryArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `grant revoke`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["id", "principal", "channel"]))]
pub(crate) struct RevokeArgs {
    /// The grant's id, as `grant list` shows it
    id: Option<EntryId>,
    /// Everything that this principal was granted
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Everything that was granted on this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    #[command(flatten)]
    place: AdministratorArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Run a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Add(args) => add(args),
        Command::List(args) => list(args),
        Command::Revoke(args) => revoke(args),
    }
}

fn add(args: &AddArgs) -> Result<()> {
    let administrator = args.place.open()?;
    let now = instant::now()?;
    let resolve = |instant: Option<Instant>| instant.map(|instant| instant.resolve(now));
    let validity = Validity::new(resolve(args.not_before), resolve(args.not_after))
        .context("--not-before and --not-after leave no time")?;
    let granted = match &args.to {
        Some(key) => {
            let request = GrantRequest {
                channel: args.channel.clone(),
                epoch: args.epoch,
                field: args.field.clone().unwrap_or_default(),
                principal: args.principal.clone(),
                consumer: consumer(&administrator, args, key)?,
                validity,
                topics: args.topics.clone(),
                gateways: args
                    .gateways
                    .iter()
                    .map(|path| registry::read_gateway(path))
                    .collect::<Result<_>>()?,
            };
            administrator.grant(&request, now, &mut os_rng())?
        }
        None => {
            let request = PassThroughRequest {
                channel: args.channel.clone(),
                principal: args.principal.clone(),
                validity,
                topics: args.topics.clone(),
            };
            administrator.pass_through(&request, now)?
        }
    };
    if granted.kind == GrantKind::Interactive {
        output::remark(
            "an interactive grant: such grants compose; give the consumer another key for each \
             channel, epoch and field, or grant to its public key",
        );
    }
    if args.format == Format::Json {
        return output::json(&granted);
    }
    print(vec![granted])
}

/// The consumer's key is read for the channel's suite: a key file does not name one.
fn consumer(administrator: &Administrator, args: &AddArgs, path: &Path) -> Result<Consumer> {
    let suite = administrator.channel(&args.channel)?.suite;
    Ok(match keys::read_key(path, suite, &args.place.passphrase)? {
        KeyFile::Public(key) => Consumer::Public(key),
        KeyFile::Private { key, .. } => Consumer::Secret(key),
    })
}

fn list(args: &ListArgs) -> Result<()> {
    let principal = args.principal.as_deref().map(normalise_principal).transpose()?;
    let wanted = |grant: &GrantSummary| {
        args.channel.as_ref().is_none_or(|channel| *channel == grant.channel)
            && principal.as_ref().is_none_or(|principal| *principal == grant.principal)
    };
    let grants: Vec<_> = args.registry.overview()?.grants.into_iter().filter(wanted).collect();
    if args.format == Format::Json {
        return output::json(&grants);
    }
    print(grants)
}

fn revoke(args: &RevokeArgs) -> Result<()> {
    let administrator = args.place.open()?;
    let now = instant::now()?;
    let revoked = match (&args.id, &args.channel) {
        (Some(id), _) => administrator.revoke(*id, now)?,
        (None, Some(channel)) => administrator.revoke_channel(channel, now)?,
        (None, None) => {
            administrator.revoke_principal(args.principal.as_deref().unwrap_or_default(), now)?
        }
    };
    if args.format == Format::Json {
        return output::json(&revoked);
    }
    for grant in &revoked {
        output::line(&format!(
            "revoked {}: {} on channel {}",
            grant.id, grant.principal, grant.channel
        ))?;
    }
    Ok(())
}

fn print(grants: Vec<GrantSummary>) -> Result<()> {
    let row = |grant: GrantSummary| {
        let bound = |instant: Option<i64>| instant.map_or_else(|| "-".to_owned(), instant::show);
        let kind = match grant.kind {
            GrantKind::NonInteractive => "non-interactive",
            GrantKind::Interactive => "interactive",
            GrantKind::PassThrough => "pass-through",
            _ => "?",
        };
        let status = match grant.status {
            GrantStatus::Active => "active",
            GrantStatus::NotYetValid => "not yet valid",
            GrantStatus::Expired => "expired",
            GrantStatus::Superseded => "superseded",
            _ => "?",
        };
        let place = match (grant.epoch, grant.field.as_str()) {
            (None, _) => grant.channel,
            (Some(epoch), "") => format!("{}/{epoch}", grant.channel),
            (Some(epoch), field) => format!("{}/{epoch}#{field}", grant.channel),
        };
        let topics =
            if grant.topics.is_empty() { "all".to_owned() } else { grant.topics.join(", ") };
        vec![
            grant.id.to_string(),
            grant.principal,
            place,
            topics,
            kind.to_owned(),
            status.to_owned(),
            bound(grant.not_before),
            bound(grant.not_after),
        ]
    };
    output::table(
        &[
            "GRANT",
            "PRINCIPAL",
            "CHANNEL/EPOCH",
            "TOPICS",
            "KIND",
            "STATUS",
            "NOT BEFORE",
            "NOT AFTER",
        ],
        grants.into_iter().map(row),
    )
}
