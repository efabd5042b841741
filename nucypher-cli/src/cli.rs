//! The command line: one subcommand for each thing the program does.

use clap::{Parser, Subcommand};

use crate::commands::{
    admin, channel, consume, demo, file, gateway, grant, inspect, key, produce, registry, user,
};
use crate::exit;

/// End-to-end encryption for Apache Kafka by proxy re-encryption.
///
/// Producers encrypt under a channel's public key. A gateway in front of the cluster turns
/// the encrypted data key of each record into one that the consumer which fetches it can
/// open. Neither the gateway nor the brokers can read a record.
///
/// `nucypher demo` shows all of it in this process, without a Kafka.
#[derive(Debug, Parser)]
#[command(name = "nucypher", version, after_help = exit::HELP, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole system at work inside this process, without a Kafka
    Demo(demo::Args),
    /// Make and look at key files
    #[command(subcommand)]
    Key(key::Command),
    /// Seal a file for a public key
    Seal(file::SealArgs),
    /// Make a re-encryption key from one key to another
    Rekey(file::RekeyArgs),
    /// Re-encrypt a sealed file, without being able to read it
    Reencrypt(file::ReencryptArgs),
    /// Open a sealed file
    Open(file::OpenArgs),
    /// Set up the administrator and the registry
    #[command(subcommand)]
    Admin(admin::Command),
    /// Create and look at channels
    #[command(subcommand)]
    Channel(channel::Command),
    /// Grant and revoke what consumers may open
    #[command(subcommand)]
    Grant(grant::Command),
    /// Keep the registry in a Kafka topic
    #[command(subcommand)]
    Registry(registry::Command),
    /// Manage the users file of a gateway
    #[command(subcommand)]
    User(user::Command),
    /// Run a gateway in front of a Kafka cluster
    Gateway(gateway::Args),
    /// Seal lines and produce them as records
    Produce(produce::Args),
    /// Consume records and open them
    Consume(consume::Args),
    /// Show what an EDEK, a sealed file or a topic's records say in the clear
    Inspect(inspect::Args),
}
