//! From the broker to the client.

use super::in_flight::{Expect, InFlight};
use super::{Fault, Now, Session, Step, Work};
use crate::gateway::fault::BrokerFault;
use crate::protocol::describe_cluster::Described;
use crate::protocol::endpoint::{Addresses, Endpoint, Site};
use crate::protocol::frame::{self, PREFIX, RESPONSE_HEAD, ResponseHead};
use crate::protocol::table::{Api, key};
use crate::protocol::wire::{Malformed, Read, Reader};
use crate::protocol::{api_versions, configs, coordinator, describe_cluster, metadata, topic};
use crate::records::Edits;

/// A whole response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response {
    pub(super) size: usize,
    pub(super) api: &'static Api,
    pub(super) version: i16,
}

impl Response {
    /// Walks the body.
    pub(super) fn read<'a, T>(
        &self,
        received: &'a [u8],
        walk: impl FnOnce(Reader<'a>) -> Read<T>,
    ) -> Result<T, BrokerFault> {
        let frame = received.get(..self.size).unwrap_or_default();
        let walked = frame::response_body(frame, self.api, self.version).and_then(walk);
        walked.map_err(|error| self.malformed(error))
    }

    pub(super) fn malformed(&self, error: Malformed) -> BrokerFault {
        BrokerFault::Malformed { api: self.api.name, version: self.version, error }
    }

    pub(super) fn is_flexible(&self) -> bool {
        self.api.is_flexible(self.version)
    }
}

impl Session {
    /// Looks at what the broker has sent and the gateway has not yet passed on; gives the gateway's
    /// own answers too, when their turn comes.
    ///
    /// # Errors
    ///
    /// The connection ends at once.
    pub fn response(&mut self, received: &mut [u8], now: Now) -> Result<Step, Fault> {
        if self.response_left > 0 {
            let n = received.len().min(self.response_left);
            self.response_left -= n;
            return Ok(if n == 0 { Step::Receive(1) } else { Step::Forward(n) });
        }
        if let Some(bytes) = self.take_answer() {
            return Ok(Step::Send(bytes));
        }
        if self.in_flight.is_empty()
            && let Some(fault) = self.closing.take()
        {
            return Err(fault);
        }
        let cap = self.world.limits.response_bytes;
        let Some(head) = ResponseHead::read(received, cap).map_err(BrokerFault::Frame)? else {
            return Ok(Step::Receive(if received.len() < PREFIX { PREFIX } else { RESPONSE_HEAD }));
        };
        let front = self.in_flight.front();
        let front = front.filter(|front| front.correlation_id == head.correlation_id);
        let front = front.ok_or(BrokerFault::OutOfOrder(head.correlation_id))?;
        let response = Response { size: head.size, api: front.api, version: front.version };
        if matches!(front.expect, Expect::Forward) {
            let n = received.len().min(head.size);
            self.response_left = head.size - n;
            self.in_flight.pop_front();
            return Ok(Step::Forward(n));
        }
        if received.len() < head.size {
            return Ok(Step::Receive(head.size));
        }
        let frame = received.get_mut(..head.size).unwrap_or_default();
        self.whole_response(frame, response, now)
    }

    fn take_answer(&mut self) -> Option<Vec<u8>> {
        match self.in_flight.pop_front()? {
            InFlight { expect: Expect::Answered(bytes), .. } => Some(bytes),
            other => {
                self.in_flight.push_front(other);
                None
            }
        }
    }

    fn whole_response(
        &mut self,
        frame: &mut [u8],
        response: Response,
        now: Now,
    ) -> Result<Step, Fault> {
        let mut edits = Edits::new();
        match self.in_flight.front().map(|front| &front.expect) {
            Some(Expect::Fetch { hold, since }) => {
                let (hold, since) = (*hold, *since);
                return self.fetch_response(frame, response, hold, since, now);
            }
            Some(Expect::Names) => {
                self.metadata(frame, response)?;
                self.in_flight.pop_front();
                return Ok(Step::Discard(response.size));
            }
            Some(Expect::Watched) => self.watched(frame, response.api, response.version, now)?,
            _ => {
                if let Some(step) = self.rewrite(frame, response, &mut edits)? {
                    return Ok(step);
                }
            }
        }
        self.send_edited(frame, response, edits)
    }

    /// Lets a whole response pass with its edits.
    pub(super) fn send_edited(
        &mut self,
        frame: &mut [u8],
        response: Response,
        edits: Edits,
    ) -> Result<Step, Fault> {
        self.in_flight.pop_front();
        if edits.is_empty() {
            return Ok(Step::Forward(response.size));
        }
        frame::fix_length(frame, &edits).map_err(BrokerFault::Frame)?;
        Ok(Step::ForwardEdited(response.size, edits))
    }

    /// Notes the edits of a response that is not a fetch's; gives a step if something must happen before.
    fn rewrite(
        &mut self,
        frame: &[u8],
        response: Response,
        edits: &mut Edits,
    ) -> Result<Option<Step>, Fault> {
        let version = response.version;
        let addresses = match response.api.key {
            key::API_VERSIONS => {
                let walk =
                    |body: Reader<'_>| api_versions::walk_response(&body, version, response.api);
                response.read(frame, walk)?.rewrite(edits, self.open())?;
                return Ok(None);
            }
            key::DESCRIBE_CONFIGS => {
                response
                    .read(frame, |body| configs::walk_response(body, version))?
                    .rewrite(edits)?;
                return Ok(None);
            }
            key::DESCRIBE_TOPIC_PARTITIONS => {
                let topics = &self.world.topics;
                let walk =
                    |body| topic::walk_describe_response(body, |id, name| topics.learn(id, name));
                response.read(frame, walk)?;
                return Ok(None);
            }
            key::METADATA => self.metadata(frame, response)?,
            key::FIND_COORDINATOR => {
                response.read(frame, |body| coordinator::walk_response(body, version))?
            }
            key::DESCRIBE_CLUSTER => {
                let walk = |body| describe_cluster::walk_response(body, version);
                match response.read(frame, walk)? {
                    (Described::Brokers, addresses) => addresses,
                    (Described::Others, addresses) => {
                        addresses.rewrite(edits, |_| nowhere())?;
                        return Ok(None);
                    }
                }
            }
            key::PRODUCE => return self.produce_response(frame, response, edits),
            _ => return Err(Fault::Bug("the table asks for a rewriting that is not written")),
        };
        if let Some(step) = self.route(&addresses) {
            return Ok(Some(step));
        }
        self.rewrite_addresses(&addresses, edits)?;
        Ok(None)
    }

    fn metadata(&self, frame: &[u8], response: Response) -> Result<Addresses, Fault> {
        let topics = &self.world.topics;
        let walk = |body| {
            metadata::walk_response(body, response.version, |id, name| topics.learn(id, name))
        };
        Ok(response.read(frame, walk)?)
    }

    /// Asks for ports for nodes that have none yet, or whose address is new; once for each response,
    /// for a broker that gives a node two addresses would be asked about for ever.
    pub(super) fn route(&mut self, addresses: &Addresses) -> Option<Step> {
        if std::mem::take(&mut self.asked_routes) {
            return None;
        }
        let world = &self.world;
        let unrouted = |site: &&Site| {
            site.node >= 0 && (!world.nodes.knows(site) || world.routes.route(site.node).is_none())
        };
        let sites: Vec<_> = addresses.sites().iter().filter(unrouted).cloned().collect();
        self.asked_routes = !sites.is_empty();
        self.asked_routes.then_some(Step::Await(Work::Route(sites)))
    }

    /// Puts the gateway's ports in the place of brokers' addresses.
    pub(super) fn rewrite_addresses(
        &self,
        addresses: &Addresses,
        edits: &mut Edits,
    ) -> Result<(), Fault> {
        let advertise = |site: &Site| match site.node {
            0.. => self.world.routes.advertised(site.node),
            _ => nowhere(),
        };
        Ok(addresses.rewrite(edits, advertise)?)
    }
}

/// An address that is none, as Kafka writes it.
fn nowhere() -> Endpoint {
    Endpoint { host: String::new(), port: -1 }
}
