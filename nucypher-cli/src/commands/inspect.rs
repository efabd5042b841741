//! `nucypher inspect`: what an EDEK, a sealed file or a topic's records say in the clear.
//!
//! Needs no key and shows no secret: an EDEK holds none.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nucypher_envelope::{EDEK_HEADER, EDEK_LEN, Edek, EdekHeader, State};
use nucypher_kafka::client::{
    ConsumeError, ConsumerConfig, OpenedRecord, OpeningConsumer, Start, Unlisted,
};
use rdkafka::Offset;
use serde::Serialize;

use crate::connection::ConnectionArgs;
use crate::exit::{Coded, Exit};
use crate::files;
use crate::output::{self, Format};

/// How long the cluster may take to answer a question about a topic.
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `inspect`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    nucypher inspect report.sealed\n  \
    nucypher inspect --edek 0101000056a1...\n  \
    nucypher inspect -b localhost:9092 --topic orders --partition 0 --offset 17 --max-messages 1")]
pub(crate) struct Args {
    /// A sealed file, or one with nothing but EDEKs in it; `-` for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["edek", "topic"], conflicts_with_all = ["edek", "topic"])]
    file: Option<PathBuf>,
    /// An EDEK, or a `nu.edek` header with several, in hexadecimal or base64
    #[arg(long, value_name = "HEX|BASE64", conflicts_with = "topic")]
    edek: Option<String>,
    /// Topic whose records are shown
    #[arg(long, requires = "bootstrap_server")]
    topic: Option<String>,
    /// Partition; all of them if left out
    #[arg(long, requires = "topic")]
    partition: Option<i32>,
    /// First offset; the oldest if left out
    #[arg(long, requires = "topic")]
    offset: Option<i64>,
    /// How many records at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_messages: u64,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Address of a gateway or a broker, several separated by commas
    #[arg(
        long,
        short = 'b',
        value_name = "HOST:PORT",
        requires = "topic",
        help_heading = "Connection"
    )]
    bootstrap_server: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What an EDEK says.
#[derive(Serialize)]
pub(crate) struct Shown {
    version: u8,
    suite: String,
    state: &'static str,
    slot: u8,
    delegating_key: String,
    opening_key: String,
    capsule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    precursor: Option<String>,
    commitment: String,
    /// False where the points are not on the curve: no key opens it.
    valid_points: bool,
}

impl Shown {
    fn new(edek: &Edek) -> Self {
        let bytes = edek.as_bytes();
        let part =
            |from: usize, to: usize| bytes.get(from..to).map(hex::encode).unwrap_or_default();
        Self {
            version: bytes.first().copied().unwrap_or_default(),
            suite: edek.suite().to_string(),
            state: state_name(edek.state()),
            slot: edek.slot(),
            delegating_key: edek.delegating_id().to_string(),
            opening_key: edek.opening_id().to_string(),
            capsule: part(20, 53),
            precursor: (edek.state() == State::NonInteractive).then(|| part(53, 86)),
            commitment: hex::encode(edek.commitment()),
            valid_points: edek.capsule().is_ok() && edek.precursor().is_ok(),
        }
    }

    fn print(&self, indent: &str) -> Result<()> {
        let slot = if self.slot == 0 {
            "0 (whole value)".to_owned()
        } else {
            format!("{} (field group)", self.slot)
        };
        let mut lines = vec![
            ("version", self.version.to_string()),
            ("suite", self.suite.clone()),
            ("state", self.state.to_owned()),
            ("slot", slot),
            ("sealed under key", self.delegating_key.clone()),
            ("opens now with key", self.opening_key.clone()),
            ("capsule", self.capsule.clone()),
        ];
        if let Some(precursor) = &self.precursor {
            lines.push(("precursor", precursor.clone()));
        }
        lines.push(("commitment", self.commitment.clone()));
        if !self.valid_points {
            lines.push(("warning", "a point is not on the curve: no key opens this".to_owned()));
        }
        for (name, value) in lines {
            output::line(&format!("{indent}{name:<20}{value}"))?;
        }
        Ok(())
    }
}

pub(crate) fn state_name(state: State) -> &'static str {
    match state {
        State::Fresh => "fresh: as the producer made it",
        State::Interactive => "re-encrypted by an interactive key",
        State::NonInteractive => "re-encrypted by a non-interactive key",
    }
}

/// Run the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let (Some(topic), Some(server)) = (&args.topic, &args.bootstrap_server) {
        return super::block_on(inspect_topic(args, topic, server));
    }
    let (edeks, rest, name) = match (&args.edek, &args.file) {
        (Some(text), _) => (header(&decode(text)?, "the EDEK")?, None, "the EDEK".to_owned()),
        (None, Some(path)) => {
            let bytes = files::read_input(path)?;
            let name = path.display().to_string();
            // A sealed file is one EDEK and a value of at least 29 bytes; a header is EDEKs alone.
            match EdekHeader::parse(&bytes) {
                Ok(header) => (header.iter().collect(), None, name),
                Err(_) => {
                    let edek = super::file::edek_of(&bytes, &name)?;
                    (vec![edek], Some(bytes.len() - EDEK_LEN), name)
                }
            }
        }
        (None, None) => bail!(Coded::error(Exit::Usage, "name a file, or give --edek")),
    };
    let shown: Vec<Shown> = edeks.iter().map(Shown::new).collect();
    match args.format {
        Format::Json => {
            output::json(&serde_json::json!({ "edeks": shown, "sealed_value_bytes": rest }))
        }
        Format::Text => {
            for (index, edek) in shown.iter().enumerate() {
                if index > 0 {
                    output::line("")?;
                }
                edek.print("")?;
            }
            match rest {
                Some(bytes) => {
                    output::line(&format!("{:<20}{bytes} bytes in {name}", "sealed value"))
                }
                None => Ok(()),
            }
        }
    }
}

fn header(bytes: &[u8], name: &str) -> Result<Vec<Edek>> {
    let header = EdekHeader::parse(bytes).map_err(|error| {
        Coded::error(Exit::Malformed, format!("{name} is not a {EDEK_HEADER} header: {error}"))
    })?;
    Ok(header.iter().collect())
}

/// Hexadecimal or base64 (either alphabet, with or without padding).
fn decode(text: &str) -> Result<Vec<u8>> {
    use base64::Engine;
    use base64::alphabet;
    use base64::engine::DecodePaddingMode;
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

    let text: String = text.split_whitespace().collect();
    if let Ok(bytes) = hex::decode(&text) {
        return Ok(bytes);
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, config).decode(&text);
    standard
        .or_else(|_| GeneralPurpose::new(&alphabet::URL_SAFE, config).decode(&text))
        .map_err(|_| Coded::error(Exit::Malformed, "the EDEK is neither hexadecimal nor base64"))
}

/// What a record says in the clear.
#[derive(Serialize)]
struct ShownRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key_bytes: Option<usize>,
    value_bytes: Option<usize>,
    header_names: Vec<&'a str>,
    edeks: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

async fn inspect_topic(args: &Args, topic: &str, server: &str) -> Result<()> {
    // No channel: the records come as they are stored, or as the gateway hands them out.
    let mut config = ConsumerConfig::new(args.connection.connection(server)?);
    config.unlisted = Unlisted::Pass;
    config.start = Start::Earliest;
    let consumer = OpeningConsumer::new(config)?;
    let place = || format!("cannot ask {server} for the topic {topic}");
    let partitions = consumer.partitions(topic, PATIENCE).await.with_context(place)?;
    let mut places = Vec::new();
    let mut stored: u64 = 0;
    for partition in partitions {
        if args.partition.is_some_and(|wanted| wanted != partition) {
            continue;
        }
        let (low, high) =
            consumer.watermarks(topic, partition, PATIENCE).await.with_context(place)?;
        let from = args.offset.unwrap_or(low).max(low);
        if from < high {
            stored += u64::try_from(high - from).unwrap_or(0);
            places.push((topic, partition, Offset::Offset(from)));
        }
    }
    if places.is_empty() {
        output::remark("there is no record there");
        return Ok(());
    }
    consumer.assign(&places)?;
    for _ in 0..args.max_messages.min(stored) {
        let record = match tokio::time::timeout(PATIENCE, consumer.recv()).await {
            Ok(Ok(record)) => record,
            Ok(Err(ConsumeError::Record(error))) => {
                output::remark(&error.to_string());
                continue;
            }
            Ok(Err(error @ ConsumeError::Denied { .. })) => {
                bail!(Coded::error(Exit::NotGranted, error.to_string()))
            }
            Ok(Err(ConsumeError::Unreachable(_))) => continue,
            Ok(Err(error)) => return Err(error.into()),
            // Compaction and control records take offsets that no record has.
            Err(_) => break,
        };
        print_record(args.format, &record)?;
    }
    Ok(())
}

fn print_record(format: Format, record: &OpenedRecord) -> Result<()> {
    let headers: Vec<_> =
        record.envelope.iter().filter(|header| header.name == EDEK_HEADER).collect();
    let (edeks, problem) = match headers.as_slice() {
        [] => (Vec::new(), Some("not sealed: there is no nu.edek header".to_owned())),
        [one] => match EdekHeader::parse(one.value.as_deref().unwrap_or_default()) {
            Ok(header) => (header.iter().map(|edek| Shown::new(&edek)).collect(), None),
            Err(error) => (Vec::new(), Some(format!("malformed: {error}"))),
        },
        several => (Vec::new(), Some(format!("malformed: {} nu.edek headers", several.len()))),
    };
    let shown = ShownRecord {
        topic: &record.topic,
        partition: record.partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key_bytes: record.key.as_ref().map(Vec::len),
        value_bytes: record.value.as_ref().map(Vec::len),
        header_names: record
            .headers
            .iter()
            .chain(&record.envelope)
            .map(|header| header.name.as_str())
            .collect(),
        edeks,
        problem,
    };
    if format == Format::Json {
        return output::json_line(&shown);
    }
    let size =
        |bytes: Option<usize>| bytes.map_or("null".to_owned(), |bytes| format!("{bytes} bytes"));
    output::line(&format!(
        "{}/{}@{}  key {}, value {}, headers {}",
        shown.topic,
        shown.partition,
        shown.offset,
        size(shown.key_bytes),
        size(shown.value_bytes),
        if shown.header_names.is_empty() {
            "none".to_owned()
        } else {
            shown.header_names.join(", ")
        },
    ))?;
    for edek in &shown.edeks {
        edek.print("    ")?;
    }
    match &shown.problem {
        Some(problem) => output::line(&format!("    {problem}")),
        None => Ok(()),
    }
}
