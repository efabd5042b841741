//! From the client to the broker.

use super::authentication::SASL_REQUEST;
use super::fetch::fetch_hold;
use super::in_flight::{Expect, InFlight};
use super::{ClientFault, Fault, Now, Session, Step, Work};
use crate::protocol::api_versions;
use crate::protocol::frame::{PREFIX, REQUEST_HEAD, RequestHead};
use crate::protocol::table::{self, Action, Api, key};
use crate::protocol::wire::{Read, Reader, Uuid};
use crate::protocol::{fetch, metadata};

/// What the gateway calls itself in requests of its own.
pub const CLIENT_ID: &str = "nucypher-gateway";

/// A request of which enough is there to treat it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) head: RequestHead,
    pub(super) api: &'static Api,
    /// What has been received of it, from its length prefix on.
    pub(super) frame: &'a [u8],
}

impl<'a> Request<'a> {
    /// Walks the body.
    pub(super) fn read<T>(
        &self,
        walk: impl FnOnce(Reader<'a>) -> Read<T>,
    ) -> Result<T, ClientFault> {
        let (api, version) = (self.api.name, self.head.version);
        let walked = self.head.body(self.frame, self.api).and_then(walk);
        walked.map_err(|error| ClientFault::Malformed { api, version, error })
    }

    pub(super) fn is_whole(&self) -> bool {
        self.frame.len() >= self.head.size
    }
}

impl Session {
    /// Looks at what the client has sent and the gateway has not yet passed on.
    ///
    /// # Errors
    ///
    /// The connection ends at once; what is in flight is lost to this client, as when a broker closes.
    pub fn request(&mut self, received: &mut [u8], now: Now) -> Result<Step, Fault> {
        if self.request_left > 0 {
            let n = received.len().min(self.request_left);
            self.request_left -= n;
            return Ok(if n == 0 { Step::Receive(1) } else { Step::Forward(n) });
        }
        if self.closing.is_some() || self.in_flight.len() >= self.world.limits.in_flight {
            return Ok(Step::Await(Work::OtherDirection));
        }
        if self.wants_broker() {
            return Ok(Step::Await(Work::Connect));
        }
        let cap = self.world.limits.request_bytes;
        let Some(head) = RequestHead::read(received, cap).map_err(ClientFault::Frame)? else {
            return Ok(Step::Receive(if received.len() < PREFIX { PREFIX } else { REQUEST_HEAD }));
        };
        let api = table::api(head.key).ok_or(ClientFault::UnknownApi { key: head.key })?;
        let whole = received.len().min(head.size);
        let request = Request { head, api, frame: received.get(..whole).unwrap_or_default() };
        if api.key == key::API_VERSIONS {
            return self.api_versions(&request);
        }
        if !api.is_open(self.is_admin()) {
            return Err(ClientFault::Closed { api: api.name }.into());
        }
        if !api.knows(head.version) {
            let version = head.version;
            return Err(ClientFault::UnsupportedVersion { api: api.name, version }.into());
        }
        if let Some(step) = self.admit(api, now)? {
            return Ok(step);
        }
        match api.key {
            key::SASL_HANDSHAKE | key::SASL_AUTHENTICATE => self.sasl(&request, now),
            key::PRODUCE => self.produce(&request, now),
            key::FETCH => self.fetch_request(head, api, received, now),
            _ => {
                let expect = match api.action {
                    Action::Forward => Expect::Forward,
                    _ => Expect::Rewrite,
                };
                self.pass(&request, Some(expect))
            }
        }
    }

    /// Lets a request pass to the broker, with an entry for its response unless there will be none.
    pub(super) fn pass(
        &mut self,
        request: &Request<'_>,
        expect: Option<Expect>,
    ) -> Result<Step, Fault> {
        if let Some(expect) = expect {
            self.expect(&request.head, request.api, expect);
        }
        let n = request.frame.len();
        self.request_left = request.head.size - n;
        self.asked_names = false;
        Ok(Step::Forward(n))
    }

    fn expect(&mut self, head: &RequestHead, api: &'static Api, expect: Expect) {
        let (correlation_id, version) = (head.correlation_id, head.version);
        self.in_flight.push_back(InFlight { correlation_id, api, version, expect });
    }

    /// Answers a whole request in its turn.
    pub(super) fn answer(&mut self, request: &Request<'_>, bytes: Vec<u8>) -> Result<Step, Fault> {
        self.expect(&request.head, request.api, Expect::Answered(bytes));
        self.asked_names = false;
        Ok(Step::Discard(request.head.size))
    }

    fn api_versions(&mut self, request: &Request<'_>) -> Result<Step, Fault> {
        let RequestHead { version, correlation_id, size, .. } = request.head;
        let known = request.api.knows(version);
        if known && self.ranges_before_broker().is_none() {
            return self.pass(request, Some(Expect::Rewrite));
        }
        if size > SASL_REQUEST {
            return Err(ClientFault::UnsupportedVersion { api: request.api.name, version }.into());
        }
        if !request.is_whole() {
            return Ok(Step::Receive(size));
        }
        let answer = match self.ranges_before_broker() {
            Some(ranges) if known => {
                let ranges = api_versions::intersect(ranges, self.open());
                api_versions::response(request.api, version, correlation_id, 0, &ranges)
            }
            _ => api_versions::unsupported(request.api, correlation_id),
        };
        self.answer(request, answer)
    }

    fn sasl(&mut self, request: &Request<'_>, now: Now) -> Result<Step, Fault> {
        let size = request.head.size;
        if size > SASL_REQUEST {
            let len = u64::try_from(size).unwrap_or(u64::MAX);
            let cap = u32::try_from(SASL_REQUEST).unwrap_or(u32::MAX);
            return Err(
                ClientFault::Frame(crate::protocol::frame::Frame::TooLong { len, cap }).into()
            );
        }
        if !request.is_whole() {
            return Ok(Step::Receive(size));
        }
        match request.api.key {
            key::SASL_HANDSHAKE => self.handshake(request),
            _ => self.authenticate(request, now),
        }
    }

    fn fetch_request(
        &mut self,
        head: RequestHead,
        api: &'static Api,
        received: &mut [u8],
        now: Now,
    ) -> Result<Step, Fault> {
        if received.len() < head.size {
            return Ok(Step::Receive(head.size));
        }
        let frame = received.get(..head.size).unwrap_or_default();
        let asked =
            Request { head, api, frame }.read(|body| fetch::walk_request(body, head.version))?;
        if asked.replica >= 0 {
            return Err(ClientFault::Replica(asked.replica).into());
        }
        if !self.asked_names {
            let mut unknown: Vec<Uuid> = asked.ids;
            unknown.retain(|id| self.world.topics.name(*id).is_none());
            if !unknown.is_empty() {
                return self.ask_names(head.correlation_id, &unknown);
            }
        }
        if let Some(frame) = received.get_mut(..head.size) {
            // The ranges were taken from this very frame.
            asked.bounds.clamp(frame, self.world.limits.fetch_bytes);
        }
        let frame = received.get(..head.size).unwrap_or_default();
        let expect = Expect::Fetch { hold: fetch_hold(asked.max_wait_ms), since: now.instant };
        self.pass(&Request { head, api, frame }, Some(expect))
    }

    /// Asks the broker for topic names, ahead of the request that needs them: the answers come in
    /// the same order.
    pub(super) fn ask_names(&mut self, correlation_id: i32, ids: &[Uuid]) -> Result<Step, Fault> {
        let api = table::api(key::METADATA).ok_or(Fault::Bug("the table has no Metadata"))?;
        self.asked_names = true;
        let version = metadata::BY_ID;
        self.in_flight.push_back(InFlight { correlation_id, api, version, expect: Expect::Names });
        Ok(Step::Send(metadata::request_by_id(api, correlation_id, CLIENT_ID, ids)))
    }
}
