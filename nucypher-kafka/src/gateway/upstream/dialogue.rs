//! A connection of the gateway's own to the leader of one partition: how the registry's topic is
//! read and written. Requests one after the other, with the gateway's own account.

use std::time::Duration;

use tokio::time::timeout;

use super::{Cluster, Stream, Target, exchange, own, read, timed_out};
use crate::gateway::fault::{BrokerFault, Fault};
use crate::gateway::session::CLIENT_ID;
use crate::protocol::frame;
use crate::protocol::log;
use crate::protocol::wire::{Read, Reader};

/// The longest answer: a fetch of [`log::FETCH_BYTES`], of which Kafka sends at least one whole batch.
const RESPONSE: u32 = log::FETCH_BYTES.unsigned_abs() + (4 << 20);

/// Beyond what the broker was told to wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection on which requests follow one another.
pub(crate) struct Dialogue {
    stream: Box<dyn Stream>,
    correlation_id: i32,
}

impl Cluster {
    /// Connects to a node and logs on with the gateway's own account.
    pub(crate) async fn dialogue(&self, target: Target) -> Result<Dialogue, Fault> {
        let stream = self.log_on(target, self.account.as_ref()).await?;
        Ok(Dialogue { stream, correlation_id: 0 })
    }

    /// Connects to the leader of a topic's only partition. The gateway's node list learns the brokers.
    pub(crate) async fn leader(&self, topic: &str) -> Result<Dialogue, Fault> {
        let mut any = self.dialogue(Target::Bootstrap).await?;
        let mut nodes = Vec::new();
        let leader = any
            .ask(
                log::METADATA,
                |out| log::put_metadata(out, topic),
                |body| log::walk_metadata(body, |node| nodes.push(node)),
            )
            .await?;
        for (node, address) in nodes {
            self.nodes.learn(node, address);
        }
        let leader = leader.map_err(|code| BrokerFault::Refused { api: "Metadata", code })?;
        self.dialogue(Target::Node(leader)).await
    }
}

impl Dialogue {
    /// Sends a request and walks the answer.
    pub(crate) async fn ask<T>(
        &mut self,
        (key, version): (i16, i16),
        put: impl FnOnce(&mut Vec<u8>),
        walk: impl FnOnce(Reader<'_>) -> Read<T>,
    ) -> Result<T, Fault> {
        let api = own(key)?;
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let mut request = frame::request(api, version, self.correlation_id, CLIENT_ID);
        put(&mut request);
        let request = frame::finish(request);
        let answered = exchange(&mut self.stream, &request, self.correlation_id, RESPONSE);
        let answer = timeout(PATIENCE, answered).await.map_err(|_| timed_out())??;
        read(api, version, &answer, walk)
    }
}
