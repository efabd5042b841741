//! The Kafka client: a producer that seals and a consumer that opens, on librdkafka.
//!
//! A record's way: [`SealingProducer::send`] takes a plaintext record, seals its value under
//! the channel's public key and adds the header `nu.edek` ([`producer`]); the gateway
//! re-encrypts that header for the consumer that fetches it; [`OpeningConsumer::recv`] opens
//! the value with the consumer's private key ([`consumer`]). [`config`] says how to reach
//! the cluster. Record keys and the user's headers travel as they are: they are not secret.
//!
//! Both are asynchronous (tokio) and may be shared between tasks.
//!
//! Secret: the consumer's private keys, plaintexts. No log line of this module holds payload
//! bytes, keys or passwords.

pub mod config;
pub mod consumer;
pub mod producer;

pub use config::{ConfigError, Connection, Sasl, SaslMechanism, Security, TLS_COMPILED_IN, Tls};
pub use consumer::{
    Commit, ConsumeError, ConsumerConfig, Fault, OpenedRecord, OpeningConsumer, RecordError, Start,
};
pub use producer::{
    Delivered, Delivery, ProduceError, ProducerConfig, ProducerRecord, SealingProducer,
};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Names of the headers that belong to the envelope.
const RESERVED_PREFIX: &str = "nu.";

/// A record header. Names may repeat and their order is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value; null is not the same as empty.
    pub value: Option<Vec<u8>>,
}

impl Header {
    /// A header with a value.
    pub fn new(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), value: Some(value.into()) }
    }
}

/// What to do with a topic for which no channel is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unlisted {
    /// Refuse it: nothing is sent in clear, or taken for authentic, by mistake.
    #[default]
    Refuse,
    /// Pass its records as they stand.
    Pass,
}

/// librdkafka's log lines and errors, through `tracing`.
struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The one that users must see by default: librdkafka goes on trying, silently, for ever.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            tracing::error!(target: "librdkafka", "no broker can be reached, trying again: {reason}");
        } else {
            tracing::warn!(target: "librdkafka", %error, "{reason}");
        }
    }
}
