//! The cluster behind the gateway: how to reach its nodes, and what they speak.

mod dialogue;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::config::{
    ClusterConfig, ConfigError, Limits, UpstreamSasl, host_and_port, mechanism, principal,
};
use super::connection::Peer;
use super::fault::{BrokerFault, Fault, Side};
use super::identity::{
    Account, ClientStep, Mechanism, Password, Principal, SaslClient, SaslError, Transport,
};
use super::nodes::Nodes;
use super::pool::Pool;
use super::private_file;
use super::reload::Reloadable;
use super::session::CLIENT_ID;
use super::tls::{self, TlsError};
use super::topics::TopicIds;
use crate::protocol::api_versions::{self, Range};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::frame::{self, PREFIX, RESPONSE_HEAD, ResponseHead};
use crate::protocol::table::{self, Api, key};
use crate::protocol::wire::{Read, Reader};
use crate::protocol::{metadata, sasl};

/// The longest answer to a request of the gateway's own, outside of a client's connection, in bytes:
/// a Metadata response of 10 000 brokers.
const OWN_RESPONSE: u32 = 1 << 20;

/// For how long a node's versions are believed before it is asked again.
const RANGES_FRESH: Duration = Duration::from_secs(60);

pub(crate) use dialogue::Dialogue;

/// How soon the cluster is asked again for its nodes, when a node is not known.
const DISCOVERY_PAUSE: Duration = Duration::from_secs(1);

/// Where a client wants to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// To any broker.
    Bootstrap,
    /// To this one.
    Node(i32),
}

/// The cluster.
#[derive(Debug)]
pub struct Cluster {
    bootstrap: Vec<Endpoint>,
    next: AtomicUsize,
    tls: Option<Reloadable<ClientConfig, TlsError>>,
    account: Option<BrokerAccount>,
    accounts: HashMap<Principal, BrokerAccount>,
    /// Where the nodes listen.
    pub nodes: Arc<Nodes>,
    /// Topic names by id.
    pub topics: Arc<TopicIds>,
    spoken: StdMutex<HashMap<Target, Spoken>>,
    discovered: Mutex<Option<Instant>>,
    pool: Pool,
    connect: Duration,
}

/// What a node spoke when it was last asked.
#[derive(Debug, Clone)]
struct Spoken {
    asked: Instant,
    ranges: Arc<[Range]>,
}

#[derive(Debug)]
struct BrokerAccount {
    mechanism: Mechanism,
    account: Arc<Account>,
}

impl BrokerAccount {
    fn load(key: &str, config: &UpstreamSasl) -> Result<Self, ConfigError> {
        let mechanism = mechanism(key, &config.mechanism)?;
        let file = private_file::read(&config.password_file);
        let bytes =
            file.map_err(|error| ConfigError::value(format!("{key}.password_file"), error))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| ConfigError::value(format!("{key}.password_file"), "is not UTF-8"))?;
        let password = Password::new(text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| ConfigError::value(format!("{key}.password_file"), error))?;
        let account = Account::new(config.username.clone(), password)
            .map_err(|error| ConfigError::value(format!("{key}.username"), error))?;
        Ok(Self { mechanism, account: Arc::new(account) })
    }
}

/// A connection to a broker, in the clear or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Cluster {
    /// Reads what the configuration names. Blocks: reads files.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn new(config: &ClusterConfig, limits: &Limits, pool: Pool) -> Result<Self, ConfigError> {
        let bootstrap = config.bootstrap_servers.iter().filter_map(|server| host_and_port(server));
        let bootstrap: Vec<_> = bootstrap
            .map(|(host, port)| Endpoint { host: host.to_owned(), port: i32::from(port) })
            .collect();
        let tls = config.tls.clone().map(|config| {
            Reloadable::new(move || {
                let identity = config.certificates.clone().zip(config.key.clone());
                let identity =
                    identity.map(|(certificates, key)| tls::Identity { certificates, key });
                tls::client_config(&config.authorities, identity.as_ref())
            })
        });
        let accounts = config.principals.iter().map(|(name, config)| {
            let account = BrokerAccount::load(&format!("cluster.principals.{name}"), config)?;
            Ok((principal("cluster.principals", name)?, account))
        });
        Ok(Self {
            bootstrap,
            next: AtomicUsize::new(0),
            tls: tls.transpose().map_err(|error| ConfigError::value("cluster.tls", error))?,
            account: config
                .sasl
                .as_ref()
                .map(|config| BrokerAccount::load("cluster.sasl", config))
                .transpose()?,
            accounts: accounts.collect::<Result<_, ConfigError>>()?,
            nodes: Arc::default(),
            topics: Arc::new(TopicIds::new(limits.cached_topics)),
            spoken: StdMutex::default(),
            discovered: Mutex::new(None),
            pool,
            connect: Limits::duration(limits.connect_ms),
        })
    }

    /// The principals that brokers see as such.
    pub fn principals_seen(&self) -> impl Iterator<Item = &Principal> {
        self.accounts.keys()
    }

    /// Reads certificates anew. Blocks: reads files.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; then what was in force stays in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), Reloadable::reload)
    }

    /// Connects to a broker for a client.
    ///
    /// # Errors
    ///
    /// No broker can be reached, or none accepts the gateway.
    pub async fn connect(
        &self,
        target: Target,
        principal: Option<&Principal>,
    ) -> Result<Peer, Fault> {
        let account = principal.and_then(|principal| self.accounts.get(principal));
        let stream = self.log_on(target, account.or(self.account.as_ref())).await?;
        let (reader, writer) = tokio::io::split(stream);
        Ok(Peer::new(reader, writer))
    }

    /// Connects, and logs on with the account, if there is one.
    async fn log_on(
        &self,
        target: Target,
        account: Option<&BrokerAccount>,
    ) -> Result<Box<dyn Stream>, Fault> {
        let (mut stream, transport) = self.open(target).await?;
        if let Some(account) = account {
            let authenticated =
                timeout(self.connect, self.authenticate(&mut stream, account, transport));
            authenticated.await.map_err(|_| timed_out())??;
        }
        Ok(stream)
    }

    /// What a node speaks, for clients that ask before they have a broker.
    ///
    /// # Errors
    ///
    /// The node cannot be reached.
    pub async fn ranges(&self, target: Target) -> Result<Arc<[Range]>, Fault> {
        let known =
            self.spoken.lock().unwrap_or_else(PoisonError::into_inner).get(&target).cloned();
        if let Some(known) = known.filter(|known| known.asked.elapsed() < RANGES_FRESH) {
            return Ok(known.ranges);
        }
        let (mut stream, _) = self.open(target).await?;
        let asked = timeout(self.connect, async {
            let api = own(key::API_VERSIONS)?;
            let request = api_versions::request(api, 0, CLIENT_ID);
            let response = ask(&mut stream, &request).await?;
            let walk = |body: Reader<'_>| {
                let advertised = api_versions::walk_response(&body, 0, api)?;
                api_versions::succeeded(&advertised).map(Arc::from)
            };
            read(api, 0, &response, walk)
        });
        let ranges: Arc<[Range]> = asked.await.map_err(|_| timed_out())??;
        let spoken = Spoken { asked: Instant::now(), ranges: Arc::clone(&ranges) };
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner).insert(target, spoken);
        Ok(ranges)
    }

    /// Asks the cluster for its nodes, unless that was done a moment ago.
    ///
    /// # Errors
    ///
    /// No broker can be reached, or none accepts the gateway.
    pub async fn discover(&self) -> Result<(), Fault> {
        let mut discovered = self.discovered.lock().await;
        if discovered.is_some_and(|at| at.elapsed() < DISCOVERY_PAUSE) {
            return Ok(());
        }
        *discovered = Some(Instant::now());
        let (mut stream, transport) = self.open_any().await?;
        let asked = timeout(self.connect, async {
            if let Some(account) = &self.account {
                self.authenticate(&mut stream, account, transport).await?;
            }
            let api = own(key::METADATA)?;
            let response = ask(&mut stream, &metadata::request_brokers(api, 0, CLIENT_ID)).await?;
            read(api, 1, &response, |body| metadata::walk_response(body, 1, |_, _| ()))
        });
        let addresses = asked.await.map_err(|_| timed_out())??;
        for site in addresses.sites() {
            self.nodes.learn(site.node, site.upstream.clone());
        }
        Ok(())
    }

    async fn open(&self, target: Target) -> Result<(Box<dyn Stream>, Transport), Fault> {
        let Target::Node(node) = target else { return self.open_any().await };
        let known = self.nodes.address(node);
        if let Some(address) = &known {
            match self.open_address(address).await {
                Ok(stream) => return Ok(stream),
                // It may have moved.
                Err(fault) => {
                    self.discover().await.map_err(|_| fault)?;
                }
            }
        } else {
            self.discover().await?;
        }
        let address = self.nodes.address(node).ok_or(BrokerFault::UnknownNode(node))?;
        self.open_address(&address).await
    }

    /// Any broker: those of the configuration first, in turn, then those that are known since.
    async fn open_any(&self) -> Result<(Box<dyn Stream>, Transport), Fault> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let turn = self.bootstrap.iter().cycle().skip(first % self.bootstrap.len().max(1));
        let mut candidates: Vec<Endpoint> = turn.take(self.bootstrap.len()).cloned().collect();
        candidates.extend(self.nodes.ids().into_iter().filter_map(|id| self.nodes.address(id)));
        let mut last = Fault::Configuration("no bootstrap server".to_owned());
        for address in candidates {
            match self.open_address(&address).await {
                Ok(stream) => return Ok(stream),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    async fn open_address(
        &self,
        address: &Endpoint,
    ) -> Result<(Box<dyn Stream>, Transport), Fault> {
        let port =
            u16::try_from(address.port).map_err(|_| io(std::io::ErrorKind::InvalidInput.into()))?;
        let connected = timeout(self.connect, TcpStream::connect((address.host.as_str(), port)));
        let tcp = connected.await.map_err(|_| timed_out())?.map_err(io)?;
        tcp.set_nodelay(true).map_err(io)?;
        let peer = tcp.peer_addr().map_err(io)?.ip();
        let transport = Transport::new(self.tls.is_some(), peer);
        let Some(tls) = &self.tls else { return Ok((Box::new(tcp), transport)) };
        let name = ServerName::try_from(address.host.clone()).map_err(|_| {
            Fault::Configuration(format!("{:?} is no host name for TLS", address.host))
        })?;
        let connector = TlsConnector::from(tls.current());
        let connected = timeout(self.connect, connector.connect(name, tcp));
        let stream = connected.await.map_err(|_| timed_out())?.map_err(io)?;
        Ok((Box::new(stream), transport))
    }

    /// Logs the gateway on to a broker.
    async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        account: &BrokerAccount,
        transport: Transport,
    ) -> Result<(), Fault> {
        let api = own(key::SASL_HANDSHAKE)?;
        let request = sasl::handshake_request(api, 0, CLIENT_ID, account.mechanism.name());
        let response = ask(stream, &request).await?;
        let code = read(api, sasl::HANDSHAKE_VERSION, &response, sasl::walk_handshake_response)?;
        if code != 0 {
            return Err(BrokerFault::Refused { api: api.name, code }.into());
        }
        let api = own(key::SASL_AUTHENTICATE)?;
        let version = sasl::AUTHENTICATE_VERSION;
        let client = SaslClient::new(account.mechanism, Arc::clone(&account.account), transport);
        let mut client = client.map_err(BrokerFault::Sasl)?;
        let mut token = Vec::new();
        loop {
            // SCRAM may have to derive a key: milliseconds.
            let stepped = self.pool.run(move || {
                let step = client.step(&token);
                (client, step)
            });
            let (back, step) = stepped.await?;
            client = back;
            let ClientStep::Send(bytes) = step.map_err(BrokerFault::Sasl)? else { return Ok(()) };
            let request = sasl::authenticate_request(api, 0, CLIENT_ID, &bytes);
            let response = ask(stream, &request).await?;
            let walk = |body| sasl::walk_authenticate_response(&response, body, version);
            let answer = read(api, version, &response, walk)?;
            if answer.error_code != 0 {
                return Err(BrokerFault::Sasl(SaslError::Refused).into());
            }
            token = answer.token.to_vec();
        }
    }
}

fn own(key: i16) -> Result<&'static Api, Fault> {
    table::api(key).ok_or(Fault::Bug("the table lacks an API that the gateway uses itself"))
}

/// Sends a request of the gateway's own and receives the response to it, on a connection that nobody
/// else uses. The correlation id is 0.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
) -> Result<Vec<u8>, Fault> {
    exchange(stream, request, 0, OWN_RESPONSE).await
}

/// As [`ask`], with another correlation id and a response of at most `most` bytes.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
    correlation_id: i32,
    most: u32,
) -> Result<Vec<u8>, Fault> {
    stream.write_all(request).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    let mut frame = vec![0; RESPONSE_HEAD];
    stream.read_exact(&mut frame).await.map_err(io)?;
    let head = ResponseHead::read(&frame, most).map_err(BrokerFault::Frame)?;
    let head = head.ok_or(Fault::Bug("a head that is there and is not"))?;
    if head.correlation_id != correlation_id {
        return Err(BrokerFault::OutOfOrder(head.correlation_id).into());
    }
    // At most `most` bytes.
    frame.resize(head.size.max(PREFIX), 0);
    stream.read_exact(frame.get_mut(RESPONSE_HEAD..).unwrap_or_default()).await.map_err(io)?;
    Ok(frame)
}

/// Walks a response to a request of the gateway's own.
fn read<'a, T>(
    api: &'static Api,
    version: i16,
    response: &'a [u8],
    walk: impl FnOnce(Reader<'a>) -> Read<T>,
) -> Result<T, Fault> {
    let walked = frame::response_body(response, api, version).and_then(walk);
    walked.map_err(|error| BrokerFault::Malformed { api: api.name, version, error }.into())
}

fn io(error: std::io::Error) -> Fault {
    Fault::Io { side: Side::Broker, error }
}

fn timed_out() -> Fault {
    io(std::io::ErrorKind::TimedOut.into())
}
