//! One client connection, without I/O: bytes in, [`Step`]s out.
//!
//! The driver ([`connection`](super::connection)) shows the session what it has received from one
//! side and does what the session says: receive more, send some of it on, send something else, or
//! wait for work. Nothing here waits, reads a clock or touches a socket, so the same code is
//! tested, fuzzed and measured in memory.
//!
//! ```text
//!   client ──▶ Session::request ──▶ broker          head, table, identity; then the frame streams
//!                    │ in flight (a queue)
//!   client ◀── Session::response ◀── broker         streams, or is held whole and edited
//! ```
//!
//! Order is the queue's: a request that will be answered, by the broker or by the gateway, gets an
//! entry when it passes; responses are matched with its front. A Produce request with acks=0 gets
//! none. The gateway's own requests (topic names) get entries as well, so their correlation ids need
//! not differ from the client's.

mod authentication;
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
mod in_flight;
#[doc(hidden)]
pub mod in_memory;
mod produce;
mod requests;
mod responses;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use authentication::{Authentication, Ended, EndedSettings, Watched};
pub use fetch::FetchJob;
pub use produce::ProduceJob;
pub use requests::CLIENT_ID;

use super::authorize::Authority;
use super::fault::{ClientFault, Fault};
use super::identity::{PasswordCheck, Principal, SaslError, Step as SaslStep};
use super::nodes::Nodes;
use super::reencryptor::Reencryptor;
use super::routes::Routes;
use super::topics::TopicIds;
use crate::protocol::api_versions::Open;
use crate::protocol::endpoint::Site;
use crate::records::Edits;
use crate::registry::RegistryHandle;
use fetch::Scratch;
use in_flight::InFlight;

/// What a session shares with others.
#[derive(Debug, Clone)]
pub struct World {
    /// Where the nodes listen.
    pub nodes: Arc<Nodes>,
    /// Where clients are told to connect.
    pub routes: Arc<Routes>,
    /// Topic names by id.
    pub topics: Arc<TopicIds>,
    /// Channels and grants.
    pub registry: RegistryHandle,
    /// Re-encrypts, and remembers.
    pub reencryptor: Arc<Reencryptor>,
    /// To whom the admin plane is open.
    pub admins: Admins,
    /// Limits on frames and queues.
    pub limits: SessionLimits,
}

/// To whom the APIs of the admin plane are open.
#[derive(Debug, Clone)]
pub enum Admins {
    /// To all: the broker sees who asks, and its ACLs decide.
    Everyone,
    /// To these: the broker sees the gateway.
    Named(Arc<[Principal]>),
}

/// Limits on one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// The longest request, in bytes.
    pub request_bytes: u32,
    /// The longest response, in bytes.
    pub response_bytes: u32,
    /// The largest `max_bytes` of a fetch that goes to a broker.
    pub fetch_bytes: i32,
    /// How many requests may wait for their responses; the client's next one is not read before.
    pub in_flight: usize,
}

/// The time, as the driver sees it.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For intervals.
    pub instant: Instant,
    /// Milliseconds since the epoch, for the validity of grants.
    pub wall_ms: i64,
}

/// What the driver does next in one direction.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Receive until so many bytes are there, counted from where the session last stopped; then
    /// call again.
    Receive(usize),
    /// Send the first so many received bytes on as they stand.
    Forward(usize),
    /// Send the first so many received bytes on with these edits.
    ForwardEdited(usize, Edits),
    /// Drop the first so many received bytes.
    Discard(usize),
    /// Send these bytes; what was received stays.
    Send(Vec<u8>),
    /// Do this, then call again with the same bytes.
    Await(Work),
}

/// What a session cannot do itself.
#[derive(Debug)]
pub enum Work {
    /// Wait until the other direction has moved.
    OtherDirection,
    /// Connect to the broker: the client is known now.
    Connect,
    /// Note where these nodes listen and bind a port for each.
    Route(Vec<Site>),
    /// Check a password on a pool, then [`Session::checked`].
    Check(PasswordCheck),
    /// Finish the job on a pool, then [`Session::fetched`].
    Fetch(Box<FetchJob>),
    /// Finish the job on a pool, then [`Session::inspected`].
    Produce(Box<ProduceJob>),
    /// Wait.
    Hold(Duration),
}

/// One client connection.
#[derive(Debug)]
pub struct Session {
    world: World,
    authentication: Authentication,
    /// What is left of the request that streams through.
    request_left: usize,
    /// What is left of the response that streams through.
    response_left: usize,
    /// Topic names were asked for on behalf of the request at hand.
    asked_names: bool,
    /// Ports were asked for on behalf of the response at hand.
    asked_routes: bool,
    in_flight: VecDeque<InFlight>,
    fetched: Option<Box<FetchJob>>,
    inspected: Option<Box<ProduceJob>>,
    scratch: Scratch,
    /// Set when the connection ends as soon as what is queued has been sent.
    closing: Option<Fault>,
}

impl Session {
    /// Begins a session.
    #[must_use]
    pub fn new(world: World, authentication: Authentication) -> Self {
        Self {
            world,
            authentication,
            request_left: 0,
            response_left: 0,
            asked_names: false,
            asked_routes: false,
            in_flight: VecDeque::new(),
            fetched: None,
            inspected: None,
            scratch: Scratch::default(),
            closing: None,
        }
    }

    /// Who the client is, once that is known.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.authentication.principal()
    }

    /// Whether the APIs of the admin plane are open to this client.
    fn is_admin(&self) -> bool {
        match &self.world.admins {
            Admins::Everyone => true,
            Admins::Named(admins) => {
                self.principal().is_some_and(|principal| admins.contains(principal))
            }
        }
    }

    /// What this client is told of besides the data plane. librdkafka and kafkajs ask before they
    /// authenticate and never again, so that a client who may turn out to be an administrator is told
    /// all; who then is none is refused by [`is_admin`](Self::is_admin).
    fn open(&self) -> Open {
        let admin = match (&self.world.admins, self.principal()) {
            (Admins::Named(admins), None) => !admins.is_empty(),
            _ => self.is_admin(),
        };
        Open { admin, own_sasl: self.authenticates_before_broker() }
    }

    /// The principal's rights by the registry as it is now.
    fn authority(&self, now: Now) -> Result<Authority, Fault> {
        let principal =
            self.principal().cloned().ok_or(Fault::Bug("records before authentication"))?;
        let snapshot = Arc::clone(&self.world.registry.snapshot());
        Ok(Authority::new(snapshot, principal, now.wall_ms))
    }

    /// Whether nothing is under way in either direction: the connection may be closed without loss.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.in_flight.is_empty() && self.request_left == 0 && self.response_left == 0
    }

    /// Whether the client may send a request now, or is in the middle of one.
    #[must_use]
    pub fn is_between_requests(&self) -> bool {
        self.request_left == 0
    }

    /// Whether a response is on its way through.
    #[must_use]
    pub fn is_within_response(&self) -> bool {
        self.response_left > 0
    }

    /// Whether the client must authenticate before it gets a broker.
    #[must_use]
    pub fn authenticates_before_broker(&self) -> bool {
        matches!(self.authentication, Authentication::Ended(_))
    }

    /// How many requests wait for their responses.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

#[cfg(test)]
mod tests;
