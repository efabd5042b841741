//! Why a connection ends, by who is at fault. One connection never takes another one with it.

use std::io;

use crate::gateway::identity::SaslError;
use crate::gateway::identity::mtls::MtlsError;
use crate::protocol::frame::Frame;
use crate::protocol::wire::Malformed;
use crate::records::{ApplyError, Overlap};

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The client did what it must not.
    #[error("client: {0}")]
    Client(#[from] ClientFault),
    /// The broker did what it must not.
    #[error("broker: {0}")]
    Broker(#[from] BrokerFault),
    /// The network failed, or was slower than allowed.
    #[error("{side}: {error}")]
    Io {
        /// On which side.
        side: Side,
        /// What the system said.
        error: io::Error,
    },
    /// What the configuration asks for cannot be had.
    #[error("configuration: {0}")]
    Configuration(String),
    /// A bug of ours.
    #[error("bug: {0}")]
    Bug(&'static str),
}

/// One side of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Kafka clients.
    Client,
    /// Kafka brokers.
    Broker,
}

impl Side {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Broker,
            Self::Broker => Self::Client,
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Client => "client side",
            Self::Broker => "broker side",
        })
    }
}

/// What a client did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientFault {
    /// A length that no request has.
    #[error(transparent)]
    Frame(#[from] Frame),
    /// A request that is not what its header says.
    #[error("{api} v{version}: {error}")]
    Malformed {
        /// The API's name.
        api: &'static str,
        /// The version.
        version: i16,
        /// What is wrong.
        error: Malformed,
    },
    /// An API that was not advertised.
    #[error("API key {key} is not advertised")]
    UnknownApi {
        /// The key.
        key: i16,
    },
    /// An API that is not open to this client.
    #[error("{api} is not open to this client")]
    Closed {
        /// The API's name.
        api: &'static str,
    },
    /// A version that was not advertised.
    #[error("{api} v{version} is not advertised")]
    UnsupportedVersion {
        /// The API's name.
        api: &'static str,
        /// The version.
        version: i16,
    },
    /// Anything but authentication before authentication.
    #[error("{api} before authentication")]
    Unauthenticated {
        /// The API's name.
        api: &'static str,
    },
    /// The session's lifetime is over (KIP-368).
    #[error("the session has expired and was not authenticated again")]
    Expired,
    /// Authentication failed.
    #[error("authentication: {0}")]
    Sasl(#[from] SaslError),
    /// A certificate that names no principal.
    #[error("certificate: {0}")]
    Certificate(MtlsError),
    /// A client that fetches as if it were a broker.
    #[error("a fetch as replica {0}: followers do not fetch through a gateway")]
    Replica(i32),
    /// Records that a channel refuses, in a request that asks for no answer.
    #[error("records refused on a channel that requires encryption, with acks=0")]
    RefusedUnacknowledged,
}

/// What a broker did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerFault {
    /// A length that no response has.
    #[error(transparent)]
    Frame(#[from] Frame),
    /// A response that is not what was asked for.
    #[error("{api} v{version}: {error}")]
    Malformed {
        /// The API's name.
        api: &'static str,
        /// The version.
        version: i16,
        /// What is wrong.
        error: Malformed,
    },
    /// A response that nobody asked for, or not in its turn.
    #[error("a response with correlation id {0}, which was not the next one")]
    OutOfOrder(i32),
    /// It does not accept the gateway, or not as configured.
    #[error("authentication of the gateway: {0}")]
    Sasl(#[from] SaslError),
    /// It answers a request of the gateway's own with an error.
    #[error("{api} failed with error code {code}")]
    Refused {
        /// The API's name.
        api: &'static str,
        /// Kafka's error code.
        code: i16,
    },
    /// A node of which the cluster knows no address.
    #[error("node {0} is not known to the cluster")]
    UnknownNode(i32),
}

impl From<Overlap> for Fault {
    fn from(_: Overlap) -> Self {
        Self::Bug("two edits of the same bytes")
    }
}

impl From<ApplyError> for Fault {
    fn from(_: ApplyError) -> Self {
        Self::Bug("records were patched that had not been scanned")
    }
}
