//! `nucypher produce`: one record for each line, sealed for a channel.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use indicatif::ProgressBar;
use nucypher_envelope::{ChannelName, Compression, SealerConfig};
use nucypher_kafka::client::{
    Delivery, Header, ProduceError, ProducerConfig, ProducerRecord, SealingProducer,
};
use zeroize::Zeroizing;

use crate::commands::file::{SuiteName, context_name};
use crate::connection::{ConnectionArgs, ServerArgs};
use crate::exit::{Coded, Exit};
use crate::{keys, output};

/// Longest line in bytes: a little above what brokers take by default.
const MAX_LINE: u64 = 16 << 20;

/// How many records are under way before the oldest must have been stored.
const IN_FLIGHT: usize = 10_000;

/// How long to wait at the end for records that are still under way.
const FLUSH: Duration = Duration::from_secs(120);

/// Compression before encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CompressionName {
    /// None: the length of a record tells nothing about its content
    #[default]
    None,
    /// lz4
    Lz4,
    /// zstd
    Zstd,
}

/// Arguments of `produce`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    printf 'one\\ntwo\\n' | nucypher produce -b localhost:9092 --topic orders --channel orders --to orders.pub\n  \
    nucypher produce -b gateway:9092 --user writer --password-file pw --topic orders --channel orders \\\n    \
    --to orders.pub --key-separator : orders.txt")]
pub(crate) struct Args {
    /// Input, one record a line; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Topic
    #[arg(long)]
    topic: String,
    /// Channel of the topic; the topic's name if left out
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Public key of the channel's current epoch
    #[arg(long, value_name = "PUBLIC")]
    to: PathBuf,
    /// Suite of that key
    #[arg(long, value_enum, default_value_t = SuiteName::Bbs98)]
    suite: SuiteName,
    /// What stands between the record key and the value in a line; no record keys if left out
    #[arg(long, value_name = "TEXT")]
    key_separator: Option<String>,
    /// Header to add to each record, in clear; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
    /// Partition; chosen by the record key if left out
    #[arg(long)]
    partition: Option<i32>,
    /// Take lines with nothing behind the key separator for deletions (tombstones)
    #[arg(long, requires = "key_separator")]
    empty_is_null: bool,
    /// Compress values before they are encrypted. Lengths then tell something about the text
    #[arg(long, value_enum, default_value_t)]
    compress: CompressionName,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Run the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let channel = context_name(args.channel.as_deref().unwrap_or(&args.topic))?;
    if args.key_separator.as_deref() == Some("") {
        return Err(Coded::error(Exit::Usage, "--key-separator is empty"));
    }
    super::block_on(produce(args, channel))
}

async fn produce(args: &Args, channel: ChannelName) -> Result<()> {
    let key = keys::read_public(&args.to, args.suite.into())?;
    let sealing = SealerConfig::new(key, channel).compression(match args.compress {
        CompressionName::None => Compression::None,
        CompressionName::Lz4 => Compression::Lz4,
        CompressionName::Zstd => Compression::Zstd,
    });
    let connection = args.connection.connection(&args.server.bootstrap_server)?;
    let producer =
        SealingProducer::new(ProducerConfig::new(connection).topic(&args.topic, sealing))?;
    let counter = output::counter("records stored");
    let total = tokio::select! {
        total = send_lines(args, &producer, &counter) => total?,
        // Else it would be found out when the records' time is over.
        error = producer.rejected() => return Err(error.into()),
    };
    counter.finish_and_clear();
    output::remark(&format!("{total} records stored in {}", args.topic));
    Ok(())
}

/// Produce every line and wait until all are stored.
async fn send_lines(args: &Args, producer: &SealingProducer, counter: &ProgressBar) -> Result<u64> {
    let headers = args.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>>>()?;
    let mut lines = Lines::open(&args.input)?;
    let mut under_way: VecDeque<(u64, Delivery)> = VecDeque::new();
    while let Some((number, line)) = lines.next()? {
        let Plain { key, value } =
            key_and_value(args, &line).with_context(|| format!("{} line {number}", lines.name))?;
        let record = ProducerRecord {
            topic: &args.topic,
            partition: args.partition,
            key,
            value,
            headers: &headers,
            timestamp: None,
        };
        let delivery = producer.enqueue(record).await.map_err(|error| failed(number, error))?;
        under_way.push_back((number, delivery));
        if under_way.len() >= IN_FLIGHT
            && let Some((number, delivery)) = under_way.pop_front()
        {
            delivery.await.map_err(|error| failed(number, error))?;
            counter.inc(1);
        }
    }
    let settle = async {
        for (number, delivery) in under_way {
            delivery.await.map_err(|error| failed(number, error))?;
            counter.inc(1);
        }
        Ok::<_, anyhow::Error>(())
    };
    // The flush runs beside it, so that no record waits for its batch to fill.
    let (_, settled) = tokio::join!(producer.flush(FLUSH), tokio::time::timeout(FLUSH, settle));
    let Ok(settled) = settled else {
        bail!(
            "{} of {} records were stored; the rest was not confirmed within {} s",
            counter.position(),
            lines.number,
            FLUSH.as_secs()
        );
    };
    settled?;
    Ok(lines.number)
}

/// What a line says.
struct Plain<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

fn key_and_value<'a>(args: &Args, line: &'a [u8]) -> Result<Plain<'a>> {
    let Some(separator) = &args.key_separator else {
        return Ok(Plain { key: None, value: Some(line) });
    };
    let (key, value) = split_once(line, separator.as_bytes())
        .with_context(|| format!("there is no {separator:?} between key and value"))?;
    let deletes = args.empty_is_null && value.is_empty();
    Ok(Plain { key: Some(key), value: Some(value).filter(|_| !deletes) })
}

fn failed(number: u64, error: ProduceError) -> anyhow::Error {
    let exit = match &error {
        ProduceError::NotAllowed(_) => Exit::NotGranted,
        ProduceError::ReservedHeader(_) | ProduceError::HeaderName(_) => Exit::Usage,
        _ => Exit::Failure,
    };
    Coded::error(exit, format!("record {number}: {error}"))
}

fn header(text: &str) -> Result<Header> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Coded::error(Exit::Usage, format!("the header {text:?} does not have the form NAME=VALUE"))
    })?;
    Ok(Header::new(name, value))
}

fn split_once<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(separator.len()).position(|window| window == separator)?;
    Some((line.get(..at)?, line.get(at + separator.len()..)?))
}

/// The lines of the input: bytes, not text, without their line ends.
struct Lines {
    source: Box<dyn BufRead>,
    name: String,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let (source, name): (Box<dyn BufRead>, _) = if path == Path::new("-") {
            (Box::new(BufReader::new(io::stdin())), "standard input".to_owned())
        } else {
            let file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            (Box::new(BufReader::new(file)), path.display().to_string())
        };
        Ok(Self { source, name, number: 0 })
    }

    fn next(&mut self) -> Result<Option<(u64, Zeroizing<Vec<u8>>)>> {
        let mut line = Zeroizing::new(Vec::new());
        let limited = &mut io::Read::take(&mut self.source, MAX_LINE + 1);
        limited
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read {}", self.name))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        ensure!(
            line.len() as u64 <= MAX_LINE,
            "{} line {} is longer than {MAX_LINE} bytes",
            self.name,
            self.number
        );
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        Ok(Some((self.number, line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_the_first_separator() {
        assert_eq!(split_once(b"a::b::c", b"::"), Some((&b"a"[..], &b"b::c"[..])));
        assert_eq!(split_once(b"::", b"::"), Some((&b""[..], &b""[..])));
        assert_eq!(split_once(b"abc", b"::"), None);
    }
}
