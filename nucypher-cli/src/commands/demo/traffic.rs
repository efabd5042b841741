//! Records, and who writes and reads them.

use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::FutureExt;
use nucypher_envelope::{EDEK_HEADER, Edek, State};
use nucypher_kafka::client::{
    ConsumeError, OpenedRecord, OpeningConsumer, ProducerRecord, SealingProducer,
};
use nucypher_pre::KeyId;
use rdkafka::Offset;

use super::stage::Stage;
use super::{ORDERS, PAYMENTS};

/// A word that stands in every plaintext and must stand in nothing that the brokers store.
const MARKER: &str = "CONFIDENTIAL";

/// How long the producers' last records may take.
const FLUSH: Duration = Duration::from_secs(30);

/// The records of a channel with these numbers.
pub(super) struct Batch {
    channel: &'static str,
    numbers: Range<u32>,
}

/// The record key and the plaintext of a record.
fn record(channel: &str, number: u32) -> (String, String) {
    let amount = 3 + number % 17;
    let value = match channel {
        PAYMENTS => {
            format!(r#"{{"payment":{number},"amount":"{amount}99.00 EUR","note":"{MARKER}"}}"#)
        }
        _ => format!(r#"{{"order":{number},"item":"anvil","count":{amount},"note":"{MARKER}"}}"#),
    };
    (format!("{channel}-{number}"), value)
}

/// The key of the record that the story shows, stored and opened.
fn shown_key(channel: &str) -> String {
    record(channel, 0).0
}

impl Batch {
    pub(super) fn new(channel: &'static str, numbers: Range<u32>) -> Self {
        Self { channel, numbers }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.numbers.end - self.numbers.start
    }

    /// Produce them all and wait until the cluster has stored every one.
    pub(super) async fn produce(&self, producer: &SealingProducer, stage: &Stage) -> Result<u32> {
        let topic = stage.topic(self.channel);
        let mut deliveries = Vec::new();
        for number in self.numbers.clone() {
            let (key, value) = record(self.channel, number);
            let record = ProducerRecord::new(&topic, value.as_bytes()).key(key.as_bytes());
            deliveries.push(producer.enqueue(record).await?);
        }
        producer.flush(FLUSH).await?;
        let mut stored = 0;
        for delivery in deliveries {
            delivery.await?;
            stored += 1;
        }
        Ok(stored)
    }
}

/// What the brokers store, read past the gateway.
pub(super) struct Stored {
    pub(super) records: u32,
    /// Records in which a plaintext, or the word that stands in each, was found.
    pub(super) with_plaintext: u32,
    /// Records whose one EDEK is fresh and under the key of their channel.
    pub(super) under_channel_key: u32,
    /// Distinct EDEKs: one a session.
    pub(super) sessions: usize,
    /// The record key, the EDEK and the value of one record.
    pub(super) example: Option<(String, Vec<u8>, Vec<u8>)>,
}

/// Read everything that the brokers store.
pub(super) async fn stored(stage: &Stage, expected: u32) -> Result<Stored> {
    let consumer = stage.past_the_gateway()?;
    assign(&consumer, stage, &[ORDERS, PAYMENTS])?;
    let keys: Vec<(String, KeyId)> = [ORDERS, PAYMENTS]
        .iter()
        .map(|channel| Ok((stage.topic(channel), stage.channel_key(channel)?.id())))
        .collect::<Result<_>>()?;
    let mut seen =
        Stored { records: 0, with_plaintext: 0, under_channel_key: 0, sessions: 0, example: None };
    let mut edeks = HashSet::new();
    while seen.records < expected {
        let record = consumer.recv().await.context("reading past the gateway")?;
        seen.records += 1;
        let key_id = keys.iter().find(|(topic, _)| *topic == record.topic).map(|(_, id)| *id);
        let value = record.value.as_deref().unwrap_or_default();
        seen.with_plaintext += u32::from(shows_plaintext(&record));
        let headers: Vec<_> =
            record.envelope.iter().filter(|header| header.name == EDEK_HEADER).collect();
        let [header] = headers.as_slice() else { continue };
        let bytes = header.value.as_deref().unwrap_or_default();
        if let Ok(edek) = Edek::parse(bytes)
            && edek.state() == State::Fresh
            && Some(edek.opening_id()) == key_id
        {
            seen.under_channel_key += 1;
            edeks.insert(edek);
        }
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
        if key == shown_key(ORDERS) {
            seen.example = Some((key, bytes.to_vec(), value.to_vec()));
        }
    }
    seen.sessions = edeks.len();
    Ok(seen)
}

fn shows_plaintext(record: &OpenedRecord) -> bool {
    let headers =
        record.envelope.iter().chain(&record.headers).filter_map(|header| header.value.as_deref());
    let mut parts = headers.chain(record.value.as_deref());
    parts.any(|bytes| bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()))
}

/// A consumer that goes on reading.
pub(super) struct Reader {
    consumer: OpeningConsumer,
    seen: HashSet<(String, u32)>,
    prefix: String,
}

/// What a consumer read in one go.
#[derive(Default)]
pub(super) struct Reading {
    /// Records that were opened and hold what was written.
    pub(super) opened: u32,
    /// Partitions that were refused with TOPIC_AUTHORIZATION_FAILED.
    pub(super) refused: u32,
    /// One plaintext.
    pub(super) example: Option<String>,
    /// When the first and the last of them came.
    pub(super) span: Option<(Instant, Instant)>,
}

impl Reader {
    /// Connect as `user` and read the topic of this channel from the beginning.
    pub(super) fn new(stage: &Stage, user: &str, channel: &str) -> Result<Self> {
        let consumer = stage.consumer(user, &[channel])?;
        assign(&consumer, stage, &[channel])?;
        Ok(Self { consumer, seen: HashSet::new(), prefix: stage.topic("") })
    }

    /// Read until so many records were opened and so many partitions refused.
    ///
    /// Errors: a record that was not opened, is not what was written, or comes twice; more
    /// records or refusals than expected, as far as they come before the last expected one.
    pub(super) async fn read(&mut self, records: u32, refusals: u32) -> Result<Reading> {
        let mut reading = Reading::default();
        while reading.opened < records || reading.refused < refusals {
            let next = self.consumer.recv().await;
            self.take(next, &mut reading)?;
            ensure!(
                reading.opened <= records,
                "a record more than the {records} expected was opened"
            );
            ensure!(
                reading.refused <= refusals,
                "a partition more than the {refusals} expected was refused"
            );
        }
        Ok(reading)
    }

    /// How many opened records wait already, without waiting for others.
    pub(super) fn waiting(&mut self) -> Result<u32> {
        let mut reading = Reading::default();
        while let Some(next) = self.consumer.recv().now_or_never() {
            self.take(next, &mut reading)?;
        }
        Ok(reading.opened)
    }

    fn take(
        &mut self,
        next: Result<OpenedRecord, ConsumeError>,
        reading: &mut Reading,
    ) -> Result<()> {
        match next {
            Ok(record) => {
                let now = Instant::now();
                reading.span = Some((reading.span.map_or(now, |(first, _)| first), now));
                self.check(&record)?;
                reading.opened += 1;
                let key = record.key.as_deref().unwrap_or_default();
                if [ORDERS, PAYMENTS].iter().any(|channel| key == shown_key(channel).as_bytes()) {
                    let value = record.value.as_deref().unwrap_or_default();
                    reading.example = Some(String::from_utf8_lossy(value).into_owned());
                }
            }
            Err(ConsumeError::Denied { .. }) => reading.refused += 1,
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// The record is one that was written, and comes for the first time.
    fn check(&mut self, opened: &OpenedRecord) -> Result<()> {
        let place = || format!("record {}/{}@{}", opened.topic, opened.partition, opened.offset);
        let key = String::from_utf8_lossy(opened.key.as_deref().unwrap_or_default()).into_owned();
        let channel = opened.topic.strip_prefix(&self.prefix).unwrap_or_default();
        let number = key.rsplit_once('-').and_then(|(_, number)| number.parse::<u32>().ok());
        let number =
            number.with_context(|| format!("{}: its key is not one of the demo's", place()))?;
        let (_, value) = record(channel, number);
        ensure!(
            opened.value.as_deref() == Some(value.as_bytes()),
            "{}: it does not hold what was written",
            place()
        );
        if !self.seen.insert((channel.to_owned(), number)) {
            bail!("{}: it came twice", place());
        }
        Ok(())
    }
}

fn assign(consumer: &OpeningConsumer, stage: &Stage, channels: &[&str]) -> Result<()> {
    let partitions = i32::try_from(stage.partitions())?;
    let topics: Vec<String> = channels.iter().map(|channel| stage.topic(channel)).collect();
    let places: Vec<_> = topics
        .iter()
        .flat_map(|topic| {
            (0..partitions).map(move |partition| (topic.as_str(), partition, Offset::Beginning))
        })
        .collect();
    Ok(consumer.assign(&places)?)
}
