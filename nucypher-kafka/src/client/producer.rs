//! The sealing producer: plaintext records in, sealed records to Kafka.
//!
//! One sealer for each topic, under the public key of the topic's channel; it begins a new
//! session (a new DEK) by itself when the old one has lived, sealed or weighed enough
//! (docs/spec, "Sealed value"). The producer holds no long-term secret.
//!
//! Order: records of one topic are sealed and queued one after the other, so that the
//! record numbers of a session follow the order in which [`SealingProducer::send`] was called. Where
//! places are bound (`SealerConfig::place_binding`), a record needs its partition, and a record
//! that was sealed and then not delivered ends the session: its number would be a gap.
//! Cost of a record: one AEAD pass over the value, one copy into librdkafka's queue; for a
//! new session one encapsulation (two curve multiplications).
//!
//! Fork: librdkafka has threads and does not survive a fork, and no session may: make
//! producers after forking, never before. (Sealers notice a fork by themselves.)

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::channel::oneshot;
use nucypher_envelope::{Place, Record, SealError, Sealer, SealerConfig};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header as KafkaHeader, Message, OwnedHeaders, Timestamp};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::{Mutex, Notify, watch};

use super::config::{ConfigError, Connection};
use super::{Header, Log, RESERVED_PREFIX, Unlisted};

/// How long after its report a record's room in the queue may still be taken.
const FREED_AFTER: Duration = Duration::from_millis(10);

/// What a sealing producer needs to know.
pub struct ProducerConfig {
    /// How to reach the cluster; usually a gateway's address.
    pub connection: Connection,
    /// For each topic the channel, its public key and how to seal.
    pub topics: HashMap<String, SealerConfig>,
    /// What to do with a topic that is not among them.
    pub unlisted: Unlisted,
    /// How long [`SealingProducer::enqueue`] waits for room in a full queue.
    pub queue_timeout: Duration,
}

impl ProducerConfig {
    /// Settings without any topic: topics that are not added are refused.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            topics: HashMap::new(),
            unlisted: Unlisted::Refuse,
            queue_timeout: Duration::from_secs(60),
        }
    }

    /// Seal the records of `topic` so.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>, sealing: SealerConfig) -> Self {
        self.topics.insert(topic.into(), sealing);
        self
    }
}

/// A record in plaintext.
#[derive(Clone, Copy, Debug)]
pub struct ProducerRecord<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; chosen by the record key where `None`. Needed where the topic's
    /// settings bind the place.
    pub partition: Option<i32>,
    /// The record key. It is authenticated, not encrypted.
    pub key: Option<&'a [u8]>,
    /// The value; `None` deletes the key in a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Headers, sent in clear as they are. Names that begin with `nu.` are refused.
    pub headers: &'a [Header],
    /// Milliseconds since 1970; now where `None`.
    pub timestamp: Option<i64>,
}

impl<'a> ProducerRecord<'a> {
    /// A record without key and headers.
    #[must_use]
    pub fn new(topic: &'a str, value: &'a [u8]) -> Self {
        Self {
            topic,
            partition: None,
            key: None,
            value: Some(value),
            headers: &[],
            timestamp: None,
        }
    }

    /// With this record key.
    #[must_use]
    pub fn key(self, key: &'a [u8]) -> Self {
        Self { key: Some(key), ..self }
    }

    /// With these headers.
    #[must_use]
    pub fn headers(self, headers: &'a [Header]) -> Self {
        Self { headers, ..self }
    }

    /// To this partition.
    #[must_use]
    pub fn partition(self, partition: i32) -> Self {
        Self { partition: Some(partition), ..self }
    }
}

/// Where a record was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// Its timestamp, milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// Why a record was not produced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProduceError {
    /// A header of the record has a name that belongs to the envelope.
    #[error("the header name {0:?} begins with `nu.`, which belongs to the envelope; rename it")]
    ReservedHeader(String),
    /// A header name holds a zero byte, which librdkafka cannot carry.
    #[error("the header name {0:?} holds a zero byte")]
    HeaderName(String),
    /// No channel is configured for the topic.
    #[error("no channel is configured for topic {0}: nothing is sent in clear unasked")]
    NoChannel(String),
    /// The record could not be sealed.
    #[error("the record for topic {topic} could not be sealed: {source}")]
    Seal {
        /// The topic.
        topic: String,
        /// Why.
        source: SealError,
    },
    /// The queue was full for longer than the configured time.
    #[error(
        "librdkafka's queue stayed full for {0:?}: the cluster does not keep up or cannot be reached"
    )]
    QueueFull(Duration),
    /// The gateway or the broker refused the record: on a channel that requires encryption,
    /// because of its EDEK.
    #[error(
        "the record for topic {0} was refused as invalid (INVALID_RECORD): is it sealed under the channel's current key?"
    )]
    Refused(String),
    /// The producer's principal may not write to the topic.
    #[error("writing to topic {0} is not allowed (TOPIC_AUTHORIZATION_FAILED)")]
    NotAllowed(String),
    /// Kafka or librdkafka failed.
    #[error(transparent)]
    Kafka(KafkaError),
    /// The gateway or the brokers do not accept who the producer says it is.
    #[error("authentication failed: {0}")]
    Authentication(String),
    /// The producer was dropped before the record was delivered.
    #[error("the producer was dropped before the record was delivered; call flush first")]
    Dropped,
}

impl ProduceError {
    fn from_kafka(topic: &str, error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::InvalidRecord) => Self::Refused(topic.to_owned()),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Self::NotAllowed(topic.to_owned()),
            _ => Self::Kafka(error),
        }
    }
}

/// The outcome of a queued record, awaited.
#[must_use = "the outcome of a record is known only here"]
pub struct Delivery(oneshot::Receiver<Result<Delivered, ProduceError>>);

impl Future for Delivery {
    type Output = Result<Delivered, ProduceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(context).map(|outcome| outcome.unwrap_or(Err(ProduceError::Dropped)))
    }
}

/// A Kafka producer that seals what it sends.
///
/// Dropping it throws away what is still queued: [`SealingProducer::flush`] first.
pub struct SealingProducer {
    producer: Arc<ThreadedProducer<Reports>>,
    topics: RwLock<HashMap<String, Arc<Topic>>>,
    /// The clock of the sessions: never set, unlike the wall's.
    started: Instant,
    unlisted: Unlisted,
    queue_timeout: Duration,
    room: Arc<Notify>,
    rejected: watch::Receiver<Option<String>>,
}

/// What is kept for one sealed topic.
struct Topic {
    sealer: Mutex<Sealer>,
    /// A record that was sealed was not delivered.
    lost: Arc<AtomicBool>,
}

impl Topic {
    fn new(sealing: SealerConfig) -> Result<Arc<Self>, ConfigError> {
        let sealer =
            Sealer::new(sealing).map_err(|error| ConfigError::Envelope(error.to_string()))?;
        Ok(Arc::new(Self { sealer: Mutex::new(sealer), lost: Arc::default() }))
    }
}

impl SealingProducer {
    /// Connect, with one sealer for each topic.
    ///
    /// Errors: settings that librdkafka or the envelope refuse. Servers that cannot be
    /// reached are no error here: librdkafka goes on trying.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        // Ciphertext does not compress. Idempotence keeps order and count across retries.
        let librdkafka = config.connection.librdkafka(&[
            ("enable.idempotence", "true"),
            ("compression.type", "none"),
            ("linger.ms", "5"),
        ])?;
        let room = Arc::new(Notify::new());
        let (reject, rejected) = watch::channel(None);
        let reports = Reports { log: Log, room: Arc::clone(&room), reject };
        let producer =
            Arc::new(librdkafka.create_with_context::<_, ThreadedProducer<Reports>>(reports)?);
        let topics =
            config.topics.into_iter().map(|(topic, sealing)| Ok((topic, Topic::new(sealing)?)));
        Ok(Self {
            producer,
            topics: RwLock::new(topics.collect::<Result<_, ConfigError>>()?),
            started: Instant::now(),
            unlisted: config.unlisted,
            queue_timeout: config.queue_timeout,
            room,
            rejected,
        })
    }

    /// Seal the records of `topic` so from now on: a new epoch's key, for example.
    pub fn set_topic(
        &self,
        topic: impl Into<String>,
        sealing: SealerConfig,
    ) -> Result<(), ConfigError> {
        let sealing = Topic::new(sealing)?;
        self.topics.write().unwrap_or_else(PoisonError::into_inner).insert(topic.into(), sealing);
        Ok(())
    }

    /// Seal and queue a record, and wait until the cluster has stored it.
    ///
    /// For throughput have many in flight: [`SealingProducer::enqueue`].
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<Delivered, ProduceError> {
        self.enqueue(record).await?.await
    }

    /// Seal and queue a record; the returned future ends when the cluster has stored it.
    ///
    /// Waits while the queue is full. Not cancellation safe: where this future is dropped
    /// before it ends, the record may have been queued or not.
    pub async fn enqueue(&self, record: ProducerRecord<'_>) -> Result<Delivery, ProduceError> {
        let mut headers = user_headers(record.headers)?;
        let topic =
            self.topics.read().unwrap_or_else(PoisonError::into_inner).get(record.topic).cloned();
        let Some(topic) = topic else {
            return match self.unlisted {
                Unlisted::Refuse => Err(ProduceError::NoChannel(record.topic.to_owned())),
                Unlisted::Pass => self.queue(&record, record.value, headers, Arc::default()).await,
            };
        };
        // Held until the record is queued: the order of sealing is the order in the queue.
        let mut sealer = topic.sealer.lock().await;
        if topic.lost.swap(false, Ordering::Relaxed) {
            sealer.begin_anew();
        }
        let partition = record.partition.and_then(|partition| u32::try_from(partition).ok());
        let plain = Record {
            key: record.key,
            value: record.value,
            place: partition.map(|partition| Place { topic: record.topic, partition }),
        };
        let age = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let sealed = sealer
            .seal(&plain, age, &mut nucypher_pre::os_rng())
            .map_err(|source| ProduceError::Seal { topic: record.topic.to_owned(), source })?;
        for (name, value) in sealed.headers() {
            headers = headers.insert(KafkaHeader { key: name, value: Some(value) });
        }
        let lost = Arc::clone(&topic.lost);
        self.queue(&record, sealed.value.as_deref(), headers, lost).await
    }

    /// Wait until everything queued is delivered or has failed.
    pub async fn flush(&self, timeout: Duration) -> Result<(), ProduceError> {
        let producer = Arc::clone(&self.producer);
        let flushed = tokio::task::spawn_blocking(move || producer.flush(timeout)).await;
        flushed.map_err(|_| ProduceError::Dropped)?.map_err(ProduceError::Kafka)
    }

    /// Wait until authentication fails, if it ever does: librdkafka goes on trying, and records
    /// wait for their time-out. For whoever would rather end at once.
    pub async fn rejected(&self) -> ProduceError {
        let mut rejected = self.rejected.clone();
        match rejected.wait_for(Option::is_some).await {
            Ok(reason) => ProduceError::Authentication(reason.clone().unwrap_or_default()),
            Err(_) => ProduceError::Dropped,
        }
    }

    /// How many records are queued or under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }

    async fn queue(
        &self,
        record: &ProducerRecord<'_>,
        value: Option<&[u8]>,
        headers: OwnedHeaders,
        lost: Arc<AtomicBool>,
    ) -> Result<Delivery, ProduceError> {
        let (sender, outcome) = oneshot::channel();
        let mut queued: BaseRecord<'_, [u8], [u8], Box<Report>> = BaseRecord {
            topic: record.topic,
            partition: record.partition,
            payload: value,
            key: record.key,
            timestamp: record.timestamp,
            headers: Some(headers),
            delivery_opaque: Box::new(Report { sender, lost }),
        };
        let deadline = tokio::time::Instant::now() + self.queue_timeout;
        loop {
            // Before the attempt, so that a delivery between the two is not missed.
            let room = self.room.notified();
            match self.producer.send(queued) {
                Ok(()) => return Ok(Delivery(outcome)),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => {
                    queued = record
                }
                Err((error, refused)) => {
                    refused.delivery_opaque.lost.store(true, Ordering::Relaxed);
                    return Err(ProduceError::from_kafka(record.topic, error));
                }
            }
            if tokio::time::Instant::now() >= deadline {
                queued.delivery_opaque.lost.store(true, Ordering::Relaxed);
                return Err(ProduceError::QueueFull(self.queue_timeout));
            }
            // librdkafka frees the room of a batch of reports a moment after the last of them, so
            // the notification alone is not enough.
            let _ = tokio::time::timeout(FREED_AFTER, room).await;
        }
    }
}

/// The user's headers in librdkafka's form, without room for a name of ours.
fn user_headers(headers: &[Header]) -> Result<OwnedHeaders, ProduceError> {
    let mut owned = OwnedHeaders::new_with_capacity(headers.len() + 2);
    for header in headers {
        if header.name.starts_with(RESERVED_PREFIX) {
            return Err(ProduceError::ReservedHeader(header.name.clone()));
        }
        if header.name.contains('\0') {
            return Err(ProduceError::HeaderName(header.name.clone()));
        }
        owned = owned.insert(KafkaHeader { key: &header.name, value: header.value.as_ref() });
    }
    Ok(owned)
}

/// What goes through librdkafka with a record and comes back with its outcome.
struct Report {
    sender: oneshot::Sender<Result<Delivered, ProduceError>>,
    lost: Arc<AtomicBool>,
}

/// librdkafka's delivery reports, on its polling thread.
struct Reports {
    log: Log,
    room: Arc<Notify>,
    reject: watch::Sender<Option<String>>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Authentication) {
            self.reject.send_replace(Some(reason.to_owned()));
        }
        self.log.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Report>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Box<Report>) {
        let outcome = match result {
            Ok(message) => Ok(Delivered {
                partition: message.partition(),
                offset: message.offset(),
                timestamp: match message.timestamp() {
                    Timestamp::CreateTime(at) | Timestamp::LogAppendTime(at) => Some(at),
                    Timestamp::NotAvailable => None,
                },
            }),
            Err((error, message)) => {
                report.lost.store(true, Ordering::Relaxed);
                Err(ProduceError::from_kafka(message.topic(), error.clone()))
            }
        };
        // Nobody need be waiting.
        let _ = report.sender.send(outcome);
        self.room.notify_waiters();
    }
}
