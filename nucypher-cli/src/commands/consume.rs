//! `nucypher consume`: records of topics, opened, as text or JSON lines.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nucypher_envelope::{Opener, OpenerConfig};
use nucypher_kafka::client::{
    Commit, ConsumeError, ConsumerConfig, Fault, OpenedRecord, OpeningConsumer, RecordError, Start,
};
use rdkafka::Offset;
use serde::Serialize;

use crate::commands::file::{SuiteName, context_name};
use crate::connection::{ConnectionArgs, ServerArgs};
use crate::exit::Exit;
use crate::keys::{self, PassphraseArgs};
use crate::output::{self, Format};

/// How long the cluster may take to tell a topic's partitions.
const METADATA: Duration = Duration::from_secs(30);

/// Arguments of `consume`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    nucypher consume -b gateway:9092 --user alice --password-file pw --topic orders --key alice.pem \\\n    --from-beginning --max-messages 10\n  \
    nucypher consume -b gateway:9092 --topic orders --key alice.pem --group billing --format json\n\n\
    A record that cannot be opened is reported on standard error (a line with \"error\" in JSON) and\n\
    the next one follows. Exit code at the end: 4 if a record was altered, else 3 if one was not\n\
    granted or the topic was denied, else 5 if one was not sealed or malformed, else 0.")]
pub(crate) struct Args {
    /// Topic; may be repeated
    #[arg(long = "topic", value_name = "TOPIC", required = true)]
    topics: Vec<String>,
    /// Channel of the topics; each topic's own name if left out
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Private key of the consumer; repeated for the keys of a rotation
    #[arg(long = "key", value_name = "PRIVATE", required = true)]
    keys: Vec<PathBuf>,
    /// Suite of the keys
    #[arg(long, value_enum, default_value_t = SuiteName::Bbs98)]
    suite: SuiteName,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Consumer group; without one all partitions are read and nothing is committed
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Begin with the oldest record, where the group has committed no offset
    #[arg(long)]
    from_beginning: bool,
    /// End after so many records, those that were not opened included
    #[arg(long, value_name = "N")]
    max_messages: Option<u64>,
    /// Go on when a topic is denied: its records follow once there is a grant
    #[arg(long)]
    wait_for_grant: bool,
    /// End when nothing arrived for so many seconds
    #[arg(long, value_name = "SECONDS")]
    idle_timeout: Option<u64>,
    /// How to print records
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// In text, print the record key and this text before the value
    #[arg(long, value_name = "TEXT")]
    key_separator: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Run the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    super::block_on(consume(args))
}

async fn consume(args: &Args) -> Result<ExitCode> {
    let consumer = connect(args).await?;
    let mut worst = Worst::default();
    let mut received = 0;
    let idle = args.idle_timeout.map_or(Duration::MAX, Duration::from_secs);
    while args.max_messages.is_none_or(|max| received < max) {
        let next = tokio::select! {
            next = tokio::time::timeout(idle, consumer.recv()) => next,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("cannot wait for signals")?;
                break;
            }
        };
        match next {
            Err(_) => break,
            Ok(Ok(record)) => {
                received += 1;
                print_record(args, &record)?;
            }
            Ok(Err(ConsumeError::Record(error))) => {
                received += 1;
                worst.see(exit_of(&error.fault));
                print_fault(args.format, &error)?;
            }
            Ok(Err(ConsumeError::Denied { topics })) => {
                worst.see(Exit::NotGranted);
                print_denied(args, &topics)?;
                if !args.wait_for_grant {
                    break;
                }
            }
            // The log says so; librdkafka goes on trying.
            Ok(Err(ConsumeError::Unreachable(_))) => {}
            Ok(Err(error)) => return Err(error.into()),
        }
    }
    consumer.close().await?;
    Ok(worst.code())
}

async fn connect(args: &Args) -> Result<OpeningConsumer> {
    let keys = args
        .keys
        .iter()
        .map(|path| keys::read_secret(path, args.suite.into(), &args.passphrase))
        .collect::<Result<Vec<_>>>()?;
    let opener = Opener::new(OpenerConfig::new(keys))?;
    let mut config =
        ConsumerConfig::new(args.connection.connection(&args.server.bootstrap_server)?)
            .opener(opener);
    config.group.clone_from(&args.group);
    config.commit = Commit::Automatic;
    config.start = if args.from_beginning { Start::Earliest } else { Start::Latest };
    for topic in &args.topics {
        let channel = context_name(args.channel.as_deref().unwrap_or(topic))?;
        config = config.topic(topic, channel);
    }
    let consumer = OpeningConsumer::new(config)?;
    let topics: Vec<&str> = args.topics.iter().map(String::as_str).collect();
    if args.group.is_some() {
        consumer.subscribe(&topics)?;
        return Ok(consumer);
    }
    let start = if args.from_beginning { Offset::Beginning } else { Offset::End };
    let mut places = Vec::new();
    for topic in topics {
        let partitions = consumer.partitions(topic, METADATA).await.with_context(|| {
            format!("cannot ask {} for the topic {topic}", args.server.bootstrap_server)
        })?;
        ensure!(
            !partitions.is_empty(),
            "there is no topic {topic}; create it first, or correct --topic"
        );
        places.extend(partitions.into_iter().map(|partition| (topic, partition, start)));
    }
    consumer.assign(&places)?;
    Ok(consumer)
}

/// A record as a JSON line. Keys, values and header values are text where they are UTF-8 and
/// hexadecimal otherwise.
#[derive(Serialize)]
struct JsonRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key: Option<JsonBytes<'a>>,
    headers: Vec<(&'a str, Option<JsonBytes<'a>>)>,
    value: Option<JsonBytes<'a>>,
}

/// Bytes as JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum JsonBytes<'a> {
    Text(&'a str),
    Binary { hex: String },
}

impl<'a> From<&'a [u8]> for JsonBytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes)
            .map_or_else(|_| Self::Binary { hex: hex::encode(bytes) }, Self::Text)
    }
}

/// A record that was not opened, as a JSON line.
#[derive(Serialize)]
struct JsonFault<'a> {
    error: &'static str,
    message: String,
    topic: &'a str,
    partition: i32,
    offset: i64,
}

/// A denied topic as a JSON line.
#[derive(Serialize)]
struct JsonDenied<'a> {
    error: &'static str,
    message: String,
    topics: &'a [String],
}

fn print_record(args: &Args, record: &OpenedRecord) -> Result<()> {
    if args.format == Format::Json {
        return output::json_line(&JsonRecord {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref().map(JsonBytes::from),
            headers: record
                .headers
                .iter()
                .map(|header| (header.name.as_str(), header.value.as_deref().map(JsonBytes::from)))
                .collect(),
            value: record.value.as_deref().map(JsonBytes::from),
        });
    }
    let mut out = io::stdout().lock();
    if let Some(separator) = &args.key_separator {
        out.write_all(record.key.as_deref().unwrap_or(b"null"))?;
        out.write_all(separator.as_bytes())?;
    }
    out.write_all(record.value.as_deref().unwrap_or(b"null"))?;
    out.write_all(b"\n")?;
    Ok(())
}

fn print_fault(format: Format, error: &RecordError) -> Result<()> {
    match format {
        Format::Text => output::remark(&error.to_string()),
        Format::Json => output::json_line(&JsonFault {
            error: name_of(&error.fault),
            message: error.fault.to_string(),
            topic: &error.topic,
            partition: error.partition,
            offset: error.offset,
        })?,
    }
    Ok(())
}

fn print_denied(args: &Args, topics: &[String]) -> Result<()> {
    let error = ConsumeError::Denied { topics: topics.to_vec() };
    match args.format {
        Format::Text => {
            let next = if args.wait_for_grant {
                "waiting for a grant"
            } else {
                "ask the administrator of its channel for a grant"
            };
            output::remark(&format!("{error}; {next}"));
            Ok(())
        }
        Format::Json => output::json_line(&JsonDenied {
            error: "topic-denied",
            message: error.to_string(),
            topics,
        }),
    }
}

fn name_of(fault: &Fault) -> &'static str {
    match fault {
        Fault::NotGranted { .. } => "not-granted",
        Fault::Altered => "altered",
        Fault::NotSealed => "not-sealed",
        _ => "malformed",
    }
}

fn exit_of(fault: &Fault) -> Exit {
    match fault {
        Fault::NotGranted { .. } => Exit::NotGranted,
        Fault::Altered => Exit::Altered,
        _ => Exit::Malformed,
    }
}

/// The worst that was seen: altered, then not granted, then malformed.
#[derive(Default)]
struct Worst(Option<Exit>);

impl Worst {
    fn see(&mut self, exit: Exit) {
        let rank = |exit| match exit {
            Some(Exit::Altered) => 3,
            Some(Exit::NotGranted) => 2,
            Some(_) => 1,
            None => 0,
        };
        if rank(Some(exit)) > rank(self.0) {
            self.0 = Some(exit);
        }
    }

    fn code(&self) -> ExitCode {
        self.0.map_or(ExitCode::SUCCESS, ExitCode::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn altered_is_worse_than_not_granted() {
        let mut worst = Worst::default();
        for exit in [Exit::Malformed, Exit::NotGranted, Exit::Altered, Exit::NotGranted] {
            worst.see(exit);
        }
        assert_eq!(worst.0, Some(Exit::Altered));
    }
}
