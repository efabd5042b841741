//! The opening consumer: sealed records from Kafka in, plaintext records out.
//!
//! A record that cannot be opened is an error of that record: it names topic, partition and
//! offset, and the stream goes on behind it. What the errors mean: `NotGranted`: no grant for
//! this consumer's key; `Altered`: sealed for this key and changed since, or moved to another
//! channel or record key; `NotSealed`: clear on a sealed topic; `Malformed`: an envelope that
//! does not follow the format. A whole topic that the gateway denies is [`ConsumeError::Denied`].
//!
//! Secret: the private keys (in the opener), plaintexts. Cost of a record: copies of key,
//! value and headers and one AEAD pass; for a new session one or two curve multiplications.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nucypher_envelope::{ChannelName, Malformed, OpenError, Opener, Place, SealedRecordRef};
use nucypher_pre::KeyId;
use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp};
use rdkafka::topic_partition_list::Offset;

use super::config::{ConfigError, Connection};
use super::{Header, Log, RESERVED_PREFIX, Unlisted};

/// When offsets are committed for the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Commit {
    /// In the background. A record counts as processed when [`OpeningConsumer::recv`] is called
    /// again, so that a crash repeats records and loses none.
    #[default]
    Automatic,
    /// Only by [`OpeningConsumer::commit`].
    Manual,
}

/// Where to begin in a partition for which the group has committed no offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// At the oldest record that is stored.
    Earliest,
    /// Behind the newest.
    #[default]
    Latest,
}

/// What an opening consumer needs to know.
pub struct ConsumerConfig {
    /// How to reach the cluster; a gateway's address.
    pub connection: Connection,
    /// The consumer group; `None` where partitions are assigned by hand.
    pub group: Option<String>,
    /// When offsets are committed.
    pub commit: Commit,
    /// Where to begin.
    pub start: Start,
    /// The channel of each topic.
    pub channels: HashMap<String, ChannelName>,
    /// What to do with a topic that is not among them.
    pub unlisted: Unlisted,
    /// What opens the records: the consumer's private keys. Needed where a topic has a channel.
    pub opener: Option<Opener>,
}

impl ConsumerConfig {
    /// Settings without group and topics: topics that are not added are refused.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            group: None,
            commit: Commit::default(),
            start: Start::default(),
            channels: HashMap::new(),
            unlisted: Unlisted::Refuse,
            opener: None,
        }
    }

    /// Open with these keys.
    #[must_use]
    pub fn opener(self, opener: Opener) -> Self {
        Self { opener: Some(opener), ..self }
    }

    /// Open the records of `topic` as records of `channel`.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>, channel: ChannelName) -> Self {
        self.channels.insert(topic.into(), channel);
        self
    }
}

/// A record in plaintext.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedRecord {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// The record key.
    pub key: Option<Vec<u8>>,
    /// The user's headers, in order, duplicates kept.
    pub headers: Vec<Header>,
    /// The headers of the envelope (`nu.*`), for whoever wants to look at them.
    pub envelope: Vec<Header>,
    /// The value; `None` is a deletion, authenticated where `sealed`.
    pub value: Option<Vec<u8>>,
    /// True where the value was sealed and has been opened; false on a topic without a
    /// channel, whose records say nothing about who wrote them.
    pub sealed: bool,
}

/// Why one record was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is sealed for a key that this consumer does not have: no grant, or none yet.
    #[error("not granted: it is sealed for the key {opening_id}")]
    NotGranted {
        /// The key that opens it as it arrived.
        opening_id: KeyId,
    },
    /// It was changed after it was sealed, or belongs to another channel, key or place.
    #[error("altered, or sealed for another channel, record key or place")]
    Altered,
    /// It has no EDEK.
    #[error("not sealed: there is no nu.edek header, and the topic belongs to a channel")]
    NotSealed,
    /// Its envelope is not in the format.
    #[error("{0}")]
    Malformed(Malformed),
    /// A header name is not UTF-8, which the client library cannot carry.
    #[error("malformed: a header name is not UTF-8")]
    HeaderName,
    /// It is larger, decompressed, than the opener takes.
    #[error("larger than the opener's limit")]
    TooLarge,
    /// The topic has no channel in the consumer's settings.
    #[error("no channel is configured for the topic")]
    NoChannel,
    /// The envelope reports what this crate does not know.
    #[error("{0}")]
    Other(OpenError),
}

/// A record that was not opened, and where it is.
#[derive(Debug, thiserror::Error)]
#[error("record {topic}/{partition}@{offset}: {fault}")]
pub struct RecordError {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Why.
    pub fault: Fault,
}

/// What [`OpeningConsumer::recv`] reports instead of a record. Only [`ConsumeError::Kafka`] may be
/// the end of the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// One record was not opened; the next one follows.
    #[error(transparent)]
    Record(RecordError),
    /// The gateway denies a topic (TOPIC_AUTHORIZATION_FAILED): this principal has no grant
    /// on its channel. librdkafka reports it once for each partition, asks again every few
    /// seconds and goes on by itself once there is a grant.
    #[error("not granted: no access to {}{}", if topics.len() > 1 { "one of the topics " } else { "topic " }, topics.join(", "))]
    Denied {
        /// The denied topic. librdkafka's binding does not say for which topic an error is,
        /// so where several are subscribed it is one of these.
        topics: Vec<String>,
    },
    /// No broker can be reached for the moment; librdkafka goes on trying.
    #[error("{0}")]
    Unreachable(KafkaError),
    /// Kafka or librdkafka failed: a wrong password, a group that may not be joined.
    #[error("{0}")]
    Kafka(KafkaError),
}

/// A Kafka consumer that opens what it receives.
pub struct OpeningConsumer {
    consumer: Arc<StreamConsumer<Events>>,
    opener: Option<Opener>,
    channels: HashMap<String, ChannelName>,
    unlisted: Unlisted,
    commit: Commit,
    /// The record that was returned last: processed when the next one is asked for.
    returned: Mutex<Option<(String, i32, i64)>>,
}

impl OpeningConsumer {
    /// Connect. No record flows before [`subscribe`](Self::subscribe) or [`assign`](Self::assign).
    ///
    /// Requires: a tokio runtime. Errors: settings that librdkafka refuses.
    pub fn new(config: ConsumerConfig) -> Result<Self, ConfigError> {
        if config.opener.is_none() && !config.channels.is_empty() {
            return Err(ConfigError::Envelope(
                "topics with a channel need a private key that opens their records".to_owned(),
            ));
        }
        let start = match config.start {
            Start::Earliest => "earliest",
            Start::Latest => "latest",
        };
        let automatic = if config.commit == Commit::Automatic && config.group.is_some() {
            "true"
        } else {
            "false"
        };
        // librdkafka wants a group even where none is joined and nothing committed.
        let group = config.group.as_deref().unwrap_or("nucypher-unused");
        let librdkafka = config.connection.librdkafka(&[
            ("group.id", group),
            ("auto.offset.reset", start),
            ("enable.auto.commit", automatic),
            ("enable.auto.offset.store", "false"),
        ])?;
        let consumer: StreamConsumer<Events> = librdkafka.create_with_context(Events(Log))?;
        Ok(Self {
            consumer: Arc::new(consumer),
            opener: config.opener,
            channels: config.channels,
            unlisted: config.unlisted,
            commit: if config.group.is_some() { config.commit } else { Commit::Manual },
            returned: Mutex::new(None),
        })
    }

    /// Join the group for these topics. A name that begins with `^` is a regular expression.
    pub fn subscribe(&self, topics: &[&str]) -> Result<(), KafkaError> {
        self.consumer.subscribe(topics)
    }

    /// Read these partitions, each from an offset, without a group.
    pub fn assign(&self, partitions: &[(&str, i32, Offset)]) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition, offset) in partitions {
            list.add_partition_offset(topic, *partition, *offset)?;
        }
        self.consumer.assign(&list)
    }

    /// The partitions of a topic, from the cluster's metadata.
    ///
    /// Errors: none within `timeout`; before anything is subscribed or assigned also a failed
    /// authentication, at once.
    pub async fn partitions(&self, topic: &str, timeout: Duration) -> Result<Vec<i32>, KafkaError> {
        let (consumer, topic) = (Arc::clone(&self.consumer), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = consumer.fetch_metadata(Some(&topic), timeout)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            if let Some(error) = found.and_then(|found| found.error()) {
                return Err(KafkaError::MetadataFetch(error.into()));
            }
            Ok(found
                .map(|found| found.partitions().iter().map(|partition| partition.id()).collect())
                .unwrap_or_default())
        });
        tokio::select! {
            biased;
            found = asked => found.unwrap_or(Err(KafkaError::Canceled)),
            error = self.rejected() => Err(error),
        }
    }

    /// Wait for a failed authentication; for ever where records may flow.
    async fn rejected(&self) -> KafkaError {
        if self.consumer.assignment().is_ok_and(|list| list.count() == 0)
            && self.consumer.subscription().is_ok_and(|list| list.count() == 0)
        {
            loop {
                match self.consumer.recv().await {
                    Err(error) if is_rejection(&error) => return error,
                    // librdkafka goes on trying.
                    _ => {}
                }
            }
        }
        std::future::pending().await
    }

    /// The addresses at which this client finds the nodes of the cluster, `host:port`.
    pub async fn nodes(&self, timeout: Duration) -> Result<Vec<String>, KafkaError> {
        let consumer = Arc::clone(&self.consumer);
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = consumer.fetch_metadata(None, timeout)?;
            let nodes = metadata.brokers().iter();
            Ok(nodes.map(|node| format!("{}:{}", node.host(), node.port())).collect())
        });
        asked.await.unwrap_or(Err(KafkaError::Canceled))
    }

    /// The oldest offset of a partition and the one that comes next.
    pub async fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        timeout: Duration,
    ) -> Result<(i64, i64), KafkaError> {
        let (consumer, topic) = (Arc::clone(&self.consumer), topic.to_owned());
        tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&topic, partition, timeout))
            .await
            .unwrap_or(Err(KafkaError::Canceled))
    }

    /// Wait for the next record, opened, or for an error that belongs to one.
    ///
    /// Cancellation safe. With [`Commit::Automatic`] the record returned before counts as
    /// processed from here on.
    pub async fn recv(&self) -> Result<OpenedRecord, ConsumeError> {
        self.store_returned();
        let message = self.consumer.recv().await.map_err(|error| self.classify(error))?;
        self.remember(&message);
        self.open(&message).map_err(|fault| {
            ConsumeError::Record(RecordError {
                topic: message.topic().to_owned(),
                partition: message.partition(),
                offset: message.offset(),
                fault,
            })
        })
    }

    /// Commit for the group that everything up to `offset` in this partition is processed,
    /// the record at `offset` included, and wait for the answer.
    pub async fn commit(&self, topic: &str, partition: i32, offset: i64) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(topic, partition, Offset::Offset(offset.saturating_add(1)))?;
        let consumer = Arc::clone(&self.consumer);
        tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync))
            .await
            .unwrap_or(Err(KafkaError::Canceled))?;
        // What commits by itself must not go back behind this.
        if self.commit == Commit::Automatic {
            self.store(topic, partition, offset);
        }
        Ok(())
    }

    /// Leave in good order: with [`Commit::Automatic`] the record returned last counts as
    /// processed, and what was processed is committed.
    pub async fn close(self) -> Result<(), KafkaError> {
        self.store_returned();
        if self.commit != Commit::Automatic {
            return Ok(());
        }
        let consumer = self.consumer;
        let committed =
            tokio::task::spawn_blocking(move || consumer.commit_consumer_state(CommitMode::Sync));
        match committed.await.unwrap_or(Err(KafkaError::Canceled)) {
            // Nothing was read since the last time.
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => Ok(()),
            committed => committed,
        }
    }

    fn open(&self, message: &BorrowedMessage<'_>) -> Result<OpenedRecord, Fault> {
        let (headers, envelope) = split_headers(message)?;
        let channel = self.channels.get(message.topic());
        let value = match (channel, self.unlisted) {
            (Some(channel), _) => self.open_value(message, &headers, &envelope, channel)?,
            (None, Unlisted::Pass) => message.payload().map(<[u8]>::to_vec),
            (None, Unlisted::Refuse) => return Err(Fault::NoChannel),
        };
        Ok(OpenedRecord {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: match message.timestamp() {
                Timestamp::CreateTime(at) | Timestamp::LogAppendTime(at) => Some(at),
                Timestamp::NotAvailable => None,
            },
            key: message.key().map(<[u8]>::to_vec),
            headers,
            envelope,
            value,
            sealed: channel.is_some(),
        })
    }

    fn open_value(
        &self,
        message: &BorrowedMessage<'_>,
        headers: &[Header],
        envelope: &[Header],
        channel: &ChannelName,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let headers = headers
            .iter()
            .chain(envelope)
            .map(|header| (header.name.as_bytes(), header.value.as_deref()));
        let sealed = SealedRecordRef {
            key: message.key(),
            value: message.payload(),
            place: u32::try_from(message.partition())
                .ok()
                .map(|partition| Place { topic: message.topic(), partition }),
            headers,
        };
        let opener = self.opener.as_ref().ok_or(Fault::NoChannel)?;
        opener.open(sealed, channel).map_err(|error| match error {
            OpenError::NotGranted { opening_id } => Fault::NotGranted { opening_id },
            OpenError::Altered => Fault::Altered,
            OpenError::NotSealed => Fault::NotSealed,
            OpenError::Malformed(malformed) => Fault::Malformed(malformed),
            OpenError::TooLarge => Fault::TooLarge,
            other => Fault::Other(other),
        })
    }

    fn classify(&self, error: KafkaError) -> ConsumeError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {}
            Some(
                RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve,
            ) => return ConsumeError::Unreachable(error),
            _ => return ConsumeError::Kafka(error),
        }
        let mut topics = self.topics_of(self.consumer.assignment());
        if topics.is_empty() {
            topics = self.topics_of(self.consumer.subscription());
        }
        ConsumeError::Denied { topics }
    }

    /// The topics of an assignment or a subscription that have a channel: others are not denied
    /// by the gateway.
    fn topics_of(&self, list: Result<TopicPartitionList, KafkaError>) -> Vec<String> {
        let Ok(list) = list else { return Vec::new() };
        let mut topics: Vec<String> =
            list.elements().iter().map(|element| element.topic().to_owned()).collect();
        topics.sort_unstable();
        topics.dedup();
        let sealed: Vec<String> =
            topics.iter().filter(|topic| self.channels.contains_key(*topic)).cloned().collect();
        if sealed.is_empty() { topics } else { sealed }
    }

    fn remember(&self, message: &BorrowedMessage<'_>) {
        if self.commit == Commit::Automatic {
            let place = (message.topic().to_owned(), message.partition(), message.offset());
            *self.returned.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        }
    }

    fn store_returned(&self) {
        let returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((topic, partition, offset)) = returned {
            self.store(&topic, partition, offset);
        }
    }

    /// Counts everything up to `offset` as processed, for the next automatic commit.
    fn store(&self, topic: &str, partition: i32, offset: i64) {
        if let Err(error) = self.consumer.store_offset(topic, partition, offset) {
            // The partition went to another member meanwhile, which reads the record again.
            tracing::debug!(topic, partition, offset, %error, "offset not stored");
        }
    }
}

fn is_rejection(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed)
    )
}

/// The user's headers and the envelope's, each in order.
fn split_headers(message: &BorrowedMessage<'_>) -> Result<(Vec<Header>, Vec<Header>), Fault> {
    let Some(headers) = message.headers() else { return Ok((Vec::new(), Vec::new())) };
    // rdkafka panics at a header name that is not UTF-8, which any producer may send. One bad
    // record must not stop the consumer, and the binding offers no other way to look.
    let all = catch_unwind(AssertUnwindSafe(|| {
        headers
            .iter()
            .map(|header| Header {
                name: header.key.to_owned(),
                value: header.value.map(<[u8]>::to_vec),
            })
            .collect::<Vec<_>>()
    }));
    let all = all.map_err(|_| Fault::HeaderName)?;
    Ok(all.into_iter().partition(|header| !header.name.starts_with(RESERVED_PREFIX)))
}

/// librdkafka's events, on the task that polls.
struct Events(Log);

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ConsumerContext for Events {}

impl std::fmt::Debug for OpenedRecord {
    /// Without key, headers and value: a plaintext belongs in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedRecord")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("value_len", &self.value.as_ref().map(Vec::len))
            .field("sealed", &self.sealed)
            .finish_non_exhaustive()
    }
}
