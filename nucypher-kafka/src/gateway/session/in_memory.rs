//! A driver without sockets: for tests, fuzzing and benchmarks. Not a part of the interface.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Admins, Authentication, Now, Session, SessionLimits, Step, Work, World};
use crate::gateway::fault::Fault;
use crate::gateway::identity::Principal;
use crate::gateway::nodes::Nodes;
use crate::gateway::reencryptor::Reencryptor;
use crate::gateway::routes::{Route, Routes};
use crate::gateway::topics::TopicIds;
use crate::registry::{RegistryHandle, Snapshot};

/// A session and what passed through it.
#[derive(Debug)]
pub struct InMemory {
    /// The session.
    pub session: Session,
    /// What it works with.
    pub world: World,
    /// The time, which passes only when the session waits.
    pub now: Now,
    /// How long it has waited.
    pub waited: Duration,
    /// What the client has sent and the session has not taken yet.
    pub from_client: Vec<u8>,
    /// What the broker has sent and the session has not taken yet.
    pub from_broker: Vec<u8>,
    /// What has reached the broker.
    pub to_broker: Vec<u8>,
    /// What has reached the client.
    pub to_client: Vec<u8>,
}

/// A world with this registry, in which node n is reached through port 9000 + n.
#[must_use]
pub fn world(registry: Snapshot) -> World {
    World {
        nodes: Arc::new(Nodes::default()),
        routes: Arc::new(Routes::new("gateway.example".to_owned())),
        topics: Arc::new(TopicIds::new(1000)),
        registry: RegistryHandle::fixed(registry),
        reencryptor: Arc::new(Reencryptor::new(1000)),
        admins: Admins::Named(Arc::from([])),
        limits: SessionLimits {
            request_bytes: 1 << 20,
            response_bytes: 64 << 20,
            fetch_bytes: 1 << 24,
            in_flight: 8,
        },
    }
}

impl InMemory {
    /// A session of a known principal.
    #[must_use]
    pub fn known(world: World, principal: Principal) -> Self {
        Self::new(world, Authentication::Known(principal))
    }

    /// A session.
    #[must_use]
    pub fn new(world: World, authentication: Authentication) -> Self {
        Self {
            session: Session::new(world.clone(), authentication),
            world,
            now: Now { instant: Instant::now(), wall_ms: 1_000 },
            waited: Duration::ZERO,
            from_client: Vec::new(),
            from_broker: Vec::new(),
            to_broker: Vec::new(),
            to_client: Vec::new(),
        }
    }

    /// Lets the session take what it can in both directions.
    ///
    /// # Errors
    ///
    /// The session ends.
    pub fn run(&mut self) -> Result<(), Fault> {
        loop {
            let before = self.progress();
            self.run_requests()?;
            self.run_responses()?;
            if self.progress() == before {
                return Ok(());
            }
        }
    }

    fn progress(&self) -> (usize, usize, usize, usize) {
        (self.from_client.len(), self.from_broker.len(), self.to_broker.len(), self.to_client.len())
    }

    /// Lets the session take requests until it wants more bytes or the other direction.
    ///
    /// # Errors
    ///
    /// The session ends.
    pub fn run_requests(&mut self) -> Result<(), Fault> {
        loop {
            match self.session.request(&mut self.from_client, self.now)? {
                Step::Receive(_) | Step::Await(Work::OtherDirection) => return Ok(()),
                Step::Forward(n) => self.to_broker.extend(self.from_client.drain(..n)),
                Step::Discard(n) => drop(self.from_client.drain(..n)),
                Step::Send(bytes) => self.to_broker.extend(bytes),
                Step::ForwardEdited(n, edits) => {
                    let frame: Vec<u8> = self.from_client.drain(..n).collect();
                    self.to_broker.extend(edits.joined(&frame));
                }
                Step::Await(work) => self.work(work)?,
            }
        }
    }

    /// Lets the session take responses until it wants more bytes.
    ///
    /// # Errors
    ///
    /// The session ends.
    pub fn run_responses(&mut self) -> Result<(), Fault> {
        loop {
            match self.session.response(&mut self.from_broker, self.now)? {
                Step::Receive(_) | Step::Await(Work::OtherDirection) => return Ok(()),
                Step::Forward(n) => self.to_client.extend(self.from_broker.drain(..n)),
                Step::Discard(n) => drop(self.from_broker.drain(..n)),
                Step::Send(bytes) => self.to_client.extend(bytes),
                Step::ForwardEdited(n, edits) => {
                    let frame: Vec<u8> = self.from_broker.drain(..n).collect();
                    self.to_client.extend(edits.joined(&frame));
                }
                Step::Await(work) => self.work(work)?,
            }
        }
    }

    /// Does what the session asks for.
    ///
    /// # Errors
    ///
    /// The session ends.
    pub fn work(&mut self, work: Work) -> Result<(), Fault> {
        match work {
            Work::OtherDirection => {}
            Work::Connect => self.session.connected(),
            Work::Route(sites) => {
                for site in sites {
                    let port = u16::try_from(9000i64 + i64::from(site.node));
                    self.world.routes.set(site.node, port.map_or(Route::Unreachable, Route::Port));
                    self.world.nodes.learn(site.node, site.upstream);
                }
            }
            Work::Check(check) => self.session.checked(check.run()),
            Work::Fetch(mut job) => {
                job.finish(&mut self.from_broker, &self.world.reencryptor)?;
                self.session.fetched(job);
            }
            Work::Produce(mut job) => {
                job.finish(&self.from_client);
                self.session.inspected(job);
            }
            Work::Hold(duration) => {
                self.waited += duration;
                self.now.instant += duration;
            }
        }
        Ok(())
    }
}
