//! Requests whose responses are still to come, in order.

use std::time::{Duration, Instant};

use crate::protocol::produce::Refusal;
use crate::protocol::table::Api;

/// A request that will be answered.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) correlation_id: i32,
    pub(super) api: &'static Api,
    pub(super) version: i16,
    pub(super) expect: Expect,
}

/// What is done with the answer.
#[derive(Debug)]
pub(super) enum Expect {
    /// It streams through.
    Forward,
    /// It is held and edited, by its API.
    Rewrite,
    /// A fetch; how long a response with nothing but denials may be held back, and since when.
    Fetch { hold: Duration, since: Instant },
    /// A produce; the partitions that the gateway has refused are added.
    Produced(Vec<Refusal>),
    /// The gateway's own question for topic names: the client does not see the answer.
    Names,
    /// The broker's part of an authentication that is watched.
    Watched,
    /// The answer is the gateway's own and is ready.
    Answered(Vec<u8>),
}
