//! The driver of one session: sockets, time, and the order in which things are done.
//!
//! Two loops in one task, one for each direction; each receives, asks the session, sends. A loop that
//! cannot send does not receive, so a slow peer slows the other one down and nothing piles up. What
//! may go on as it stands is gathered over several frames and sent at once.

mod inbound;
mod outbound;

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::fault::{Fault, Side};
use super::identity::{PasswordCheck, Principal};
use super::pool::Pool;
use super::reencryptor::Reencryptor;
use super::session::{Now, Session, Step, Work};
use crate::protocol::endpoint::Site;
use inbound::Inbound;
use outbound::send;

/// One side of a connection, in two halves.
pub struct Peer {
    reader: Reader,
    writer: Writer,
}

// One indirect call for each system call, so that nothing here is generic over the kind of socket.
type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl Peer {
    /// Takes the two halves of a connection.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer) }
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Nothing from the client, and nothing in flight.
    pub idle: Duration,
    /// No progress in the middle of a frame, in either direction.
    pub progress: Duration,
    /// The broker's answer to a request.
    pub response: Duration,
    /// From accepting a connection to knowing who it is.
    pub authentication: Duration,
    /// From the end of one side to the end of the other.
    pub drain: Duration,
}

/// What a connection needs besides its session.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Memory for requests that are held whole.
    pub request_memory: Arc<Budget>,
    /// Memory for responses that are held whole. Apart from that for requests, so that nobody waits
    /// in a circle: a response gives its memory back when its client reads, and nothing else is
    /// needed for that.
    pub response_memory: Arc<Budget>,
    /// Threads for what takes long.
    pub pool: Pool,
    /// One thread for passwords: whoever can connect can have them checked, and must not keep those
    /// waiting who are known.
    pub passwords: Pool,
    /// For jobs on the pool.
    pub reencryptor: Arc<Reencryptor>,
    /// How long things may take.
    pub patience: Patience,
    /// Set when the gateway is to end: what is under way is finished.
    pub shutdown: CancellationToken,
    /// Set when the gateway ends: nothing is finished.
    pub stop: CancellationToken,
}

/// What a session asks of the listener and the cluster.
pub trait Surroundings: Send + Sync {
    /// Connects to the broker for this client.
    fn connect(
        &self,
        principal: Option<Principal>,
    ) -> impl Future<Output = Result<Peer, Fault>> + Send;
    /// Notes where nodes listen and binds a port for each.
    fn route(&self, sites: Vec<Site>) -> impl Future<Output = ()> + Send;
}

/// One connection.
#[derive(Debug)]
pub struct Connection<S> {
    session: Mutex<Session>,
    surroundings: S,
    tools: Tools,
    /// The request loop has something for the response loop.
    to_responses: Notify,
    /// The response loop has made room for the request loop.
    to_requests: Notify,
}

/// Why a loop ended without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer sends no more.
    Closed,
    /// The gateway is to end, and nothing is under way.
    Drained,
}

/// What a loop does after a turn.
#[derive(Debug)]
enum Next {
    /// Another turn.
    Turn,
    /// Receive until so many bytes are there.
    Receive(usize),
    /// This, then another turn.
    Await(Work),
}

fn now() -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
}

impl<S: Surroundings> Connection<S> {
    /// Makes a connection out of a session.
    pub fn new(session: Session, surroundings: S, tools: Tools) -> Self {
        Self {
            session: Mutex::new(session),
            surroundings,
            tools,
            to_responses: Notify::new(),
            to_requests: Notify::new(),
        }
    }

    /// Serves a client to the end.
    ///
    /// # Errors
    ///
    /// Why the connection was not ended by its peers.
    pub async fn serve(&self, mut client: Peer) -> Result<(), Fault> {
        let mut inbound = Inbound::default();
        let limit = self.tools.patience.authentication;
        let greeted = tokio::select! {
            greeted = timeout(limit, self.greet(&mut client, &mut inbound)) => {
                greeted.unwrap_or_else(|_| Err(timed_out(Side::Client)))
            }
            // Nothing has been asked yet: the client goes elsewhere.
            () = self.tools.shutdown.cancelled() => Ok(None),
        };
        let ended = match greeted {
            Ok(Some(mut broker)) => {
                let ended = self.relay(&mut client, &mut broker, inbound).await;
                let _ = timeout(self.tools.patience.drain, broker.writer.shutdown()).await;
                ended
            }
            Ok(None) => Ok(()),
            Err(fault) => Err(fault),
        };
        let _ = timeout(self.tools.patience.drain, client.writer.shutdown()).await;
        ended
    }

    /// Who the client is, as far as it is known.
    pub fn principal(&self) -> Option<Principal> {
        self.session().principal().cloned()
    }

    /// Up to the point where a broker is needed; `None` when the client has gone before.
    ///
    /// A client whose SASL ends here causes no connection to a broker before it has authenticated;
    /// one that says nothing (a port scan, a health check) never does.
    async fn greet(&self, client: &mut Peer, inbound: &mut Inbound) -> Result<Option<Peer>, Fault> {
        if !self.session().authenticates_before_broker() {
            if self.receive(client, inbound, 1).await? == 0 {
                return Ok(None);
            }
            return self.surroundings.connect(self.principal()).await.map(Some);
        }
        loop {
            let step = self.session().request(inbound.after(0), now())?;
            match step {
                Step::Receive(want) => {
                    if self.receive(client, inbound, want).await? == 0 {
                        return Ok(None);
                    }
                }
                Step::Discard(n) => {
                    inbound.consume(n);
                    self.answer(client).await?;
                }
                Step::Await(Work::Check(check)) => self.check(check).await?,
                Step::Await(Work::Connect) => {
                    let broker = self.surroundings.connect(self.principal()).await?;
                    self.session().connected();
                    return Ok(Some(broker));
                }
                // What is left is a client that was refused: its answer has been sent.
                _ => return self.answer(client).await.map(|()| None),
            }
        }
    }

    /// Sends the gateway's own answers, while there is no broker.
    async fn answer(&self, client: &mut Peer) -> Result<(), Fault> {
        loop {
            let step = self.session().response(&mut [], now())?;
            let Step::Send(bytes) = step else { return Ok(()) };
            self.send_to(&mut client.writer, Side::Client, vec![IoSlice::new(&bytes)]).await?;
        }
    }

    async fn relay(
        &self,
        client: &mut Peer,
        broker: &mut Peer,
        mut inbound: Inbound,
    ) -> Result<(), Fault> {
        let requests = async {
            let end = self.requests(&mut inbound, &mut client.reader, &mut broker.writer).await?;
            if end == End::Closed {
                // As gentle as the client: what it sent last (acks=0) must not be lost to a reset.
                let _ = broker.writer.shutdown().await;
            }
            Ok(())
        };
        let responses = self.responses(&mut broker.reader, &mut client.writer);
        tokio::pin!(responses);
        tokio::select! {
            ended = &mut responses => ended.map(|_| ()),
            ended = requests => match ended {
                Ok(()) => match timeout(self.tools.patience.drain, responses).await {
                    Ok(ended) => ended.map(|_| ()),
                    Err(_) => Err(timed_out(Side::Broker)),
                },
                Err(fault) => Err(fault),
            },
        }
    }

    /// From the client to the broker.
    async fn requests(
        &self,
        inbound: &mut Inbound,
        client: &mut Reader,
        broker: &mut Writer,
    ) -> Result<End, Fault> {
        loop {
            match self.turn(Side::Client, inbound, broker).await? {
                Next::Turn => {}
                Next::Receive(want) => {
                    let idle = self.is_idle(inbound);
                    let received = tokio::select! {
                        n = self.receive_request(client, inbound, want) => n?,
                        () = self.tools.shutdown.cancelled(), if idle => {
                            self.to_responses.notify_one();
                            return Ok(End::Drained);
                        }
                    };
                    if received == 0 {
                        return Ok(End::Closed);
                    }
                }
                Next::Await(Work::OtherDirection) => {
                    self.to_responses.notify_one();
                    let moved = timeout(self.tools.patience.response, self.to_requests.notified());
                    moved.await.map_err(|_| timed_out(Side::Broker))?;
                }
                Next::Await(Work::Check(check)) => self.check(check).await?,
                Next::Await(Work::Produce(mut job)) => {
                    let mut taken = inbound.take();
                    let work = move || {
                        job.finish(taken.bytes());
                        (job, taken)
                    };
                    let (job, taken) = self.tools.pool.run(work).await?;
                    inbound.put_back(taken);
                    self.session().inspected(job);
                }
                Next::Await(_) => return Err(Fault::Bug("work that requests do not have")),
            }
        }
    }

    /// From the broker to the client.
    async fn responses(&self, broker: &mut Reader, client: &mut Writer) -> Result<End, Fault> {
        let mut inbound = Inbound::default();
        loop {
            match self.turn(Side::Broker, &mut inbound, client).await? {
                Next::Turn => {}
                Next::Receive(want) => {
                    if self.tools.shutdown.is_cancelled() && self.session().is_quiet() {
                        return Ok(End::Drained);
                    }
                    tokio::select! {
                        n = self.receive_response(broker, &mut inbound, want) => {
                            if n? == 0 {
                                return Ok(End::Closed);
                            }
                        }
                        () = self.to_responses.notified() => {}
                    }
                }
                Next::Await(Work::Route(sites)) => self.surroundings.route(sites).await,
                Next::Await(Work::Hold(duration)) => tokio::time::sleep(duration).await,
                Next::Await(Work::Fetch(mut job)) => {
                    let mut taken = inbound.take();
                    loop {
                        let reencryptor = Arc::clone(&self.tools.reencryptor);
                        let work = move || {
                            let cold = job.proceed(taken.bytes(), &reencryptor);
                            (job, taken, cold)
                        };
                        let cold;
                        (job, taken, cold) = self.tools.pool.run(work).await?;
                        let cold = cold?;
                        if cold.is_empty() {
                            break;
                        }
                        let pieces = cold.into_iter().map(|cold| {
                            let reencryptor = Arc::clone(&self.tools.reencryptor);
                            move || reencryptor.compute(&cold)
                        });
                        for computed in self.tools.pool.run_all(pieces).await? {
                            job.warmed(computed);
                        }
                    }
                    inbound.put_back(taken);
                    self.session().fetched(job);
                }
                Next::Await(_) => return Err(Fault::Bug("work that responses do not have")),
            }
        }
    }

    /// Shows the session what one side has sent, and sends on to the other side what it says.
    async fn turn(
        &self,
        from: Side,
        inbound: &mut Inbound,
        to: &mut Writer,
    ) -> Result<Next, Fault> {
        let (mut ready, mut step);
        {
            let (mut session, now) = (self.session(), now());
            ready = 0;
            loop {
                let bytes = inbound.after(ready);
                step = match from {
                    Side::Client => session.request(bytes, now),
                    Side::Broker => session.response(bytes, now),
                };
                match &step {
                    Ok(Step::Forward(n)) => ready += n,
                    _ => break,
                }
            }
        }
        let bytes = inbound.bytes();
        let (passed, rest) = bytes.split_at_checked(ready).unwrap_or((bytes, &[]));
        let mut pieces = vec![IoSlice::new(passed)];
        let consumed = match &step {
            Ok(Step::Send(bytes)) => {
                pieces.push(IoSlice::new(bytes));
                ready
            }
            Ok(Step::ForwardEdited(n, edits)) => {
                pieces.extend(edits.pieces(rest.get(..*n).unwrap_or_default()).map(IoSlice::new));
                ready + n
            }
            Ok(Step::Discard(n)) => ready + n,
            _ => ready,
        };
        self.send_to(to, from.other(), pieces).await?;
        inbound.consume(consumed);
        match (from, &step) {
            // An answer of the gateway's own may be due now.
            (Side::Client, Ok(Step::Discard(_))) => self.to_responses.notify_one(),
            (Side::Broker, _) if consumed > 0 => self.to_requests.notify_one(),
            (Side::Broker, Ok(Step::Send(_))) => self.to_requests.notify_one(),
            _ => {}
        }
        Ok(match step? {
            Step::Receive(want) => Next::Receive(want),
            Step::Await(work) => Next::Await(work),
            Step::Forward(_) | Step::ForwardEdited(..) | Step::Discard(_) | Step::Send(_) => {
                Next::Turn
            }
        })
    }

    /// Receives from the client: patient between requests, less so within one.
    async fn receive_request(
        &self,
        client: &mut Reader,
        inbound: &mut Inbound,
        want: usize,
    ) -> Result<usize, Fault> {
        let patience = self.tools.patience;
        inbound.make_room(want, &self.tools.request_memory).await;
        loop {
            let (between, quiet, known) = {
                let session = self.session();
                let between = session.is_between_requests() && inbound.bytes().is_empty();
                (between, session.in_flight() == 0, session.principal().is_some())
            };
            let limit = match (between, known) {
                (false, _) => patience.progress,
                (true, true) => patience.idle,
                (true, false) => patience.authentication,
            };
            match timeout(limit, inbound.receive(client, want)).await {
                Ok(received) => return received.map_err(io_fault(Side::Client)),
                // It waits for us, or for the broker.
                Err(_) if between && known && !quiet => {}
                Err(_) => return Err(timed_out(Side::Client)),
            }
        }
    }

    /// Receives from the broker: as long as nothing is asked it has nothing to say.
    async fn receive_response(
        &self,
        broker: &mut Reader,
        inbound: &mut Inbound,
        want: usize,
    ) -> Result<usize, Fault> {
        let patience = self.tools.patience;
        let within = !inbound.bytes().is_empty() || self.session().is_within_response();
        let limit = if within { patience.progress } else { patience.response };
        // Waiting for memory is not the broker's slowness: others hold it, and they are cut off.
        inbound.make_room(want, &self.tools.response_memory).await;
        loop {
            match timeout(limit, inbound.receive(broker, want)).await {
                Ok(received) => return received.map_err(io_fault(Side::Broker)),
                Err(_) if !within && self.session().in_flight() == 0 => {}
                Err(_) => return Err(timed_out(Side::Broker)),
            }
        }
    }

    async fn receive(
        &self,
        peer: &mut Peer,
        inbound: &mut Inbound,
        want: usize,
    ) -> Result<usize, Fault> {
        inbound.make_room(want, &self.tools.request_memory).await;
        let received = inbound.receive(&mut peer.reader, want).await;
        received.map_err(io_fault(Side::Client))
    }

    async fn send_to(
        &self,
        to: &mut Writer,
        side: Side,
        pieces: Vec<IoSlice<'_>>,
    ) -> Result<(), Fault> {
        send(to, pieces, self.tools.patience.progress).await.map_err(io_fault(side))
    }

    async fn check(&self, check: PasswordCheck) -> Result<(), Fault> {
        let checked = self.tools.passwords.run(move || check.run()).await?;
        self.session().checked(checked);
        Ok(())
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // Both loops run in one task, so this never waits; it is never held over an await.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client has not begun a request: the gateway may end without cutting one off.
    fn is_idle(&self, inbound: &Inbound) -> bool {
        inbound.bytes().is_empty() && self.session().is_between_requests()
    }
}

fn io_fault(side: Side) -> impl FnOnce(io::Error) -> Fault {
    move |error| Fault::Io { side, error }
}

fn timed_out(side: Side) -> Fault {
    Fault::Io { side, error: io::ErrorKind::TimedOut.into() }
}
