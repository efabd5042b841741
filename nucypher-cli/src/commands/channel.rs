//! `nucypher channel`: channels, their topics and their public keys.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{ArgGroup, Args, Subcommand};
use nucypher_kafka::registry::{
    ChannelChange, ChannelKeySummary, ChannelSummary, NewChannel, NewField, NotCarried,
};
use nucypher_pre::{PublicKey, Suite, os_rng};

use crate::files::{self, Existing, Secrecy};
use crate::instant;
use crate::output::{self, Format};
use crate::registry::{AdministratorArgs, RegistryArgs};

/// Create and look at channels.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a channel; its keys follow from the master secret
    #[command(after_help = "Example:\n  \
        nucypher channel create orders --topic orders --topic returns\n\n\
        A topic belongs to one channel. Without --topic the channel has the topic of its name.\n\
        Producers encrypt under the channel's public key:\n  \
        nucypher channel show orders --public orders.pub")]
    Create(CreateArgs),
    /// List the channels
    #[command(after_help = "Example:\n  nucypher channel list --format json")]
    List(ListArgs),
    /// Show a channel, and write its public key for producers
    #[command(after_help = "Example:\n  nucypher channel show orders --public orders.pub")]
    Show(ShowArgs),
    /// Begin the next epoch: new keys, and new grants for whoever has one
    #[command(after_help = "Example:\n  nucypher channel rotate orders\n  \
        nucypher channel show orders --public orders.pub --force\n\n\
        Grants for earlier epochs stay: what is stored stays readable. Revoke first whom the new\n\
        epoch is to keep out. Interactive grants are not carried over. Gateways that require\n\
        encryption take in the newest epoch and the one before.")]
    Rotate(NamedArgs),
    /// Change a channel's topics, or whether clear records are refused
    #[command(
        after_help = "Example:\n  nucypher channel set orders --topic orders --topic 'eu.*'\n\n\
        --topic names all topics of the channel anew. One that is left out belongs to no channel."
    )]
    Set(SetArgs),
    /// End a channel: gateways take nothing in any more; what is stored stays readable
    #[command(after_help = "Example:\n  nucypher channel retire orders")]
    Retire(NamedArgs),
}

/// Arguments of `channel rotate` and `channel retire`.
#[derive(Args, Debug)]
pub(crate) struct NamedArgs {
    /// The channel's name
    name: String,
    #[command(flatten)]
    place: AdministratorArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `channel set`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct SetArgs {
    /// The channel's name
    name: String,
    /// A topic that belongs to it, or a pattern such as 'orders.*'; repeat for more
    #[arg(long = "topic", value_name = "TOPIC", group = "what")]
    topics: Vec<String>,
    /// Let gateways accept records that are not encrypted
    #[arg(long, group = "what")]
    allow_clear: bool,
    /// Let gateways refuse records that are not encrypted
    #[arg(long, group = "what", conflicts_with = "allow_clear")]
    require_encryption: bool,
    #[command(flatten)]
    place: AdministratorArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `channel create`.
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// The channel's name: 1 to 249 of A-Z a-z 0-9 . _ -
    name: String,
    /// A topic that belongs to it, or a pattern such as 'orders.*'; repeat for more [default: the channel's name]
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// A protected field group with a key of its own, and where it stands: JSONPath, tag:NAME or
    /// property:NAME; repeat for more fields and more selectors of one; NAME! for a required field
    #[arg(long = "field", value_name = "NAME[!][=SELECTOR]")]
    fields: Vec<String>,
    /// The scheme of its keys: bbs98 or ecies
    #[arg(long, default_value = "bbs98")]
    suite: Suite,
    /// Let gateways accept records that are not encrypted
    #[arg(long)]
    allow_clear: bool,
    #[command(flatten)]
    place: AdministratorArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `channel list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    registry: RegistryArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `channel show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The channel's name
    name: String,
    /// Write the public key of the newest epoch to this file, `-` for standard output
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// The protected field group whose key is written [default: the whole value]
    #[arg(long, value_name = "NAME", requires = "public")]
    field: Option<String>,
    /// The epoch whose key is written [default: the newest]
    #[arg(long, value_name = "NUMBER", requires = "public")]
    epoch: Option<u32>,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Run a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Create(args) => create(args),
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Rotate(args) => rotate(args),
        Command::Set(args) => set(args),
        Command::Retire(args) => {
            let retired = args.place.open()?.retire_channel(&args.name, instant::now()?)?;
            print(&retired, args.format)
        }
    }
}

fn create(args: &CreateArgs) -> Result<()> {
    let topics = if args.topics.is_empty() { vec![args.name.clone()] } else { args.topics.clone() };
    let channel = NewChannel {
        suite: args.suite,
        topics,
        fields: fields(&args.fields)?,
        require_encryption: !args.allow_clear,
        ..NewChannel::new(&args.name)
    };
    let created = args.place.open()?.create_channel(&channel, instant::now()?)?;
    print(&created, args.format)?;
    output::remark(&format!(
        "next: nucypher channel show {0} --public {0}.pub for producers; nucypher grant add \
         --channel {0} --principal NAME --to KEY.pub for consumers",
        created.name
    ));
    Ok(())
}

fn rotate(args: &NamedArgs) -> Result<()> {
    let administrator = args.place.open()?;
    let rotated = administrator.rotate_channel(&args.name, instant::now()?, &mut os_rng())?;
    print(&rotated.channel, args.format)?;
    output::remark(&format!("{} grants carried over to the new epoch", rotated.granted.len()));
    for left in &rotated.not_carried {
        let NotCarried { grant, why, .. } = left;
        output::remark(&format!("not carried over: {} of {}: {why}", grant.id, grant.principal));
    }
    output::remark(&format!(
        "next: nucypher channel show {0} --public {0}.pub --force for producers",
        args.name
    ));
    Ok(())
}

fn set(args: &SetArgs) -> Result<()> {
    let change = ChannelChange {
        topics: (!args.topics.is_empty()).then(|| args.topics.clone()),
        require_encryption: (args.allow_clear || args.require_encryption)
            .then_some(args.require_encryption),
    };
    let changed = args.place.open()?.change_channel(&args.name, &change, instant::now()?)?;
    print(&changed, args.format)
}

/// `card=$.card.number`, `card` or `card!=tag:PII`, repeated for more selectors of one field.
fn fields(args: &[String]) -> Result<Vec<NewField>> {
    let mut fields: Vec<NewField> = Vec::new();
    for arg in args {
        let (name, selector) = match arg.split_once('=') {
            Some((name, selector)) => (name, Some(selector)),
            None => (arg.as_str(), None),
        };
        let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        let place = match fields.iter().position(|field| field.name == name) {
            Some(place) => place,
            None => {
                fields.push(NewField::new(name, &[]));
                fields.len() - 1
            }
        };
        let field = fields.get_mut(place).context("a field that was just added")?;
        field.required |= required;
        field.selectors.extend(selector.map(str::to_owned));
    }
    Ok(fields)
}

fn list(args: &ListArgs) -> Result<()> {
    let channels = args.registry.overview()?.channels;
    if args.format == Format::Json {
        return output::json(&channels);
    }
    let row = |channel: ChannelSummary| {
        let epoch = channel.keys.last().map(|key| key.epoch.to_string()).unwrap_or_default();
        let clear = if channel.require_encryption { "refused" } else { "accepted" };
        vec![channel.name, channel.suite, epoch, channel.topics.join(", "), clear.to_owned()]
    };
    output::table(
        &["CHANNEL", "SUITE", "EPOCH", "TOPICS", "CLEAR RECORDS"],
        channels.into_iter().map(row),
    )
}

fn show(args: &ShowArgs) -> Result<()> {
    let overview = args.registry.overview()?;
    let channel = overview.channel(&args.name).with_context(|| {
        format!("there is no channel {}; nucypher channel list shows what there is", args.name)
    })?;
    if let Some(path) = &args.public {
        let pem = public_key(channel, args)?.to_pem()?;
        let existing = Existing::from_force(args.force);
        files::write_output(path, pem.as_bytes(), Secrecy::Public, existing)?;
        if path.as_os_str() == "-" {
            return Ok(());
        }
    }
    print(channel, args.format)
}

fn public_key(channel: &ChannelSummary, args: &ShowArgs) -> Result<PublicKey> {
    let field = args.field.as_deref().unwrap_or_default();
    let wanted = |key: &&ChannelKeySummary| {
        key.field == field && args.epoch.is_none_or(|epoch| epoch == key.epoch)
    };
    let key = channel.keys.iter().rev().find(wanted).with_context(|| {
        format!("channel {} has no such key; its keys: nucypher channel show {0}", channel.name)
    })?;
    Ok(key.key.clone())
}

fn print(channel: &ChannelSummary, format: Format) -> Result<()> {
    if format == Format::Json {
        return output::json(channel);
    }
    let clear = if channel.require_encryption { "refused" } else { "accepted" };
    let clear = if channel.retired { "refused, and all others: retired" } else { clear };
    output::line(&format!("channel        {}", channel.name))?;
    output::line(&format!("suite          {}", channel.suite))?;
    output::line(&format!("topics         {}", channel.topics.join(", ")))?;
    output::line(&format!("clear records  {clear}"))?;
    for key in &channel.keys {
        let what = match key.field.as_str() {
            "" => "whole value".to_owned(),
            field => format!("field {field}, slot {}", key.slot),
        };
        output::line(&format!(
            "key            {} (epoch {}, {what}) {}",
            key.key_id, key.epoch, key.public_key
        ))?;
    }
    Ok(())
}
