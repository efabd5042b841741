//! `nucypher registry`: the registry in a compacted Kafka topic, and from a directory to a topic and back.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use nucypher_kafka::gateway::config::{ClusterConfig, Limits};
use nucypher_kafka::registry::{Directory, RegistryTopic, is_topic};

use crate::instant;
use crate::output;

/// Keep the registry in a Kafka topic.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the topic, with the settings that a registry needs
    #[command(
        after_help = "Example:\n  nucypher registry create kafka:broker:9092/registry --replicas 3\n\n\
        One partition, compacted, never expired, no unclean leader election. Let the administrator\n\
        write the topic and the gateways read it, and nobody else write it: who can write it\n\
        forges nothing, but can keep changes from the gateways."
    )]
    Create(CreateArgs),
    /// Copy the registry from a directory into a topic, or from a topic into a directory
    #[command(
        after_help = "Examples:\n  nucypher registry copy --from registry --to kafka:broker:9092/registry\n  \
        nucypher registry copy --from kafka:registry --to registry --cluster cluster.toml\n\n\
        Entries first, then heads, then removals: a copy that is cut short leaves the registry as\n\
        before or as after, and the next one goes on. Nothing is verified here: gateways do that."
    )]
    Copy(CopyArgs),
}

/// How to reach the cluster.
#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    /// TLS and an account: a TOML file with the keys of the gateway's `[cluster]`
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
}

/// Arguments of `registry create`.
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// The topic: kafka:HOST:PORT/TOPIC, or kafka:TOPIC with --cluster
    topic: Place,
    /// On how many brokers it is kept
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i16).range(1..))]
    replicas: i16,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Arguments of `registry copy`.
#[derive(Args, Debug)]
pub(crate) struct CopyArgs {
    /// A directory, or a topic
    #[arg(long, value_name = "PLACE")]
    from: Place,
    /// A directory, or a topic
    #[arg(long, value_name = "PLACE")]
    to: Place,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Where a registry is.
#[derive(Clone, Debug)]
enum Place {
    Directory(PathBuf),
    Topic { bootstrap: Vec<String>, name: String },
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(topic) = text.strip_prefix("kafka:") else {
            return Ok(Self::Directory(text.into()));
        };
        let (bootstrap, name) = topic.rsplit_once('/').unwrap_or(("", topic));
        if !is_topic(name) {
            return Err(format!(
                "{name:?} is no topic name: write kafka:HOST:PORT/TOPIC, or kafka:TOPIC with --cluster FILE"
            ));
        }
        let bootstrap = bootstrap.split(',').filter(|server| !server.is_empty());
        Ok(Self::Topic {
            bootstrap: bootstrap.map(ToOwned::to_owned).collect(),
            name: name.to_owned(),
        })
    }
}

impl ClusterArgs {
    async fn topic(&self, bootstrap: &[String], name: &str) -> Result<RegistryTopic> {
        let cluster = match &self.cluster {
            Some(path) => {
                let mut cluster =
                    ClusterConfig::load(path).with_context(|| format!("in {}", path.display()))?;
                if !bootstrap.is_empty() {
                    cluster.bootstrap_servers = bootstrap.to_vec();
                }
                cluster
            }
            None if bootstrap.is_empty() => {
                bail!("which cluster? Write kafka:HOST:PORT/{name}, or give --cluster FILE")
            }
            None => ClusterConfig::plain(bootstrap.to_vec()),
        };
        Ok(RegistryTopic::open(cluster, Limits::default(), name).await?)
    }
}

/// Run the command.
pub(crate) fn run(command: &Command) -> Result<()> {
    super::block_on(async {
        match command {
            Command::Create(args) => create(args).await,
            Command::Copy(args) => copy(args).await,
        }
    })
}

async fn create(args: &CreateArgs) -> Result<()> {
    let Place::Topic { bootstrap, name } = &args.topic else {
        bail!(
            "a directory needs no creation: `nucypher admin init` does it. For a topic write kafka:HOST:PORT/TOPIC"
        );
    };
    args.cluster.topic(bootstrap, name).await?.create(args.replicas).await?;
    output::remark(&format!("the topic {name} is there"));
    Ok(())
}

async fn copy(args: &CopyArgs) -> Result<()> {
    let written = match (&args.from, &args.to) {
        (Place::Directory(from), Place::Topic { bootstrap, name }) => {
            let topic = args.cluster.topic(bootstrap, name).await?;
            topic.copy_from(&Directory::new(from), instant::now()?).await?
        }
        (Place::Topic { bootstrap, name }, Place::Directory(to)) => {
            let topic = args.cluster.topic(bootstrap, name).await?;
            topic.copy_to(&Directory::new(to)).await?
        }
        _ => {
            bail!("copy between a directory and a topic: one of --from and --to begins with kafka:")
        }
    };
    output::remark(&format!("{written} entries copied"));
    Ok(())
}
