//! Where clients connect: a bootstrap port, and a port for each node.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, debug, error, info, warn};

use super::config::{
    ConfigError, IdentityConfig, ListenerConfig, NodePorts, mapping_rules, mechanism, principal,
};
use super::connection::{Connection, Peer, Surroundings, Tools};
use super::fault::{ClientFault, Fault, Side};
use super::identity::{Bearer, KeySet, MappingRules, Principal, Reading, Transport, Users, mtls};
use super::reload::Reloadable;
use super::routes::{Route, Routes};
use super::session::{
    Admins, Authentication, Ended, EndedSettings, Session, SessionLimits, Watched, World,
};
use super::tls::{self, ClientAuth, TlsError};
use super::upstream::{Cluster, Target};
use crate::protocol::endpoint::Site;
use crate::registry::RegistryHandle;

/// What all listeners share.
#[derive(Debug)]
pub struct Shared {
    /// The cluster behind the gateway.
    pub cluster: Arc<Cluster>,
    /// Channels and grants.
    pub registry: RegistryHandle,
    /// What connections need.
    pub tools: Tools,
    /// Limits on sessions.
    pub limits: SessionLimits,
    /// How many connections there may still be.
    pub connections: Arc<Semaphore>,
    /// All tasks that the gateway has started.
    pub tasks: TaskTracker,
}

/// One listener.
#[derive(Debug)]
pub struct Listener {
    name: String,
    bind: SocketAddr,
    ports: NodePorts,
    /// Taken while ports are bound, so that two responses do not bind the same one.
    binding: Mutex<()>,
    routes: Arc<Routes>,
    identity: Identity,
    admins: Admins,
    tls: Option<Reloadable<ServerConfig, TlsError>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Identity {
    Fixed(Principal),
    Ended(Arc<EndedSettings>),
    Watched(Reading),
    Mtls(MappingRules),
}

impl Listener {
    /// Reads what the configuration names. Blocks: reads files.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn new(config: &ListenerConfig, shared: Arc<Shared>) -> Result<Arc<Self>, ConfigError> {
        let key = |name: &str| format!("listener {:?}: {name}", config.name);
        let identity = match &config.identity {
            IdentityConfig::Fixed { principal: name } => {
                Identity::Fixed(principal(&key("identity.principal"), name)?)
            }
            IdentityConfig::Sasl { users, oauth, mechanisms, session_lifetime_s } => {
                let users = users.clone().map(|path| {
                    Reloadable::new(move || Users::load(&path).map(Arc::new))
                        .map_err(|error| ConfigError::value(key("identity.users"), error))
                });
                let bearer = oauth.clone().map(|oauth| {
                    let path = oauth.jwks;
                    let keys = Reloadable::new(move || KeySet::load(&path).map(Arc::new));
                    Ok::<_, ConfigError>(Bearer {
                        keys: keys.map_err(|error| {
                            ConfigError::value(key("identity.oauth.jwks"), error)
                        })?,
                        issuer: oauth.issuer,
                        audiences: oauth.audiences,
                        principal_claim: oauth.principal_claim,
                        clock_skew: Duration::from_secs(oauth.clock_skew_s),
                    })
                });
                Identity::Ended(Arc::new(EndedSettings {
                    users: users.transpose()?,
                    bearer: bearer.transpose()?,
                    mechanisms: mechanisms
                        .iter()
                        .map(|name| mechanism(&key("identity.mechanisms"), name))
                        .collect::<Result<_, _>>()?,
                    lifetime: (*session_lifetime_s > 0)
                        .then(|| Duration::from_secs(*session_lifetime_s)),
                }))
            }
            IdentityConfig::SaslPassThrough { principal_claim, unsecured_tokens } => {
                Identity::Watched(Reading {
                    principal_claim: principal_claim.clone(),
                    unsecured: *unsecured_tokens,
                })
            }
            IdentityConfig::Mtls { principal_mapping_rules } => {
                Identity::Mtls(mapping_rules(&key("identity"), principal_mapping_rules.as_deref())?)
            }
        };
        let tls = config.tls.clone().map(|config| {
            Reloadable::new(move || {
                let identity = tls::Identity {
                    certificates: config.certificates.clone(),
                    key: config.key.clone(),
                };
                let auth = match config.client_authorities.clone() {
                    Some(authorities) => ClientAuth::Required { authorities },
                    None => ClientAuth::None,
                };
                tls::server_config(&identity, &auth)
            })
        });
        let named =
            config.admin_principals.iter().map(|name| principal(&key("admin_principals"), name));
        let mut admins: Vec<_> = named.collect::<Result<_, _>>()?;
        admins.extend(shared.cluster.principals_seen().cloned());
        Ok(Arc::new(Self {
            name: config.name.clone(),
            bind: config.bind,
            ports: config.node_ports,
            binding: Mutex::new(()),
            routes: Arc::new(Routes::new(config.advertised_host.clone())),
            admins: match identity {
                Identity::Watched(_) => Admins::Everyone,
                _ => Admins::Named(admins.into()),
            },
            identity,
            tls: tls.transpose().map_err(|error| ConfigError::value(key("tls"), error))?,
            shared,
        }))
    }

    /// The name in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Binds the bootstrap port and begins to accept; gives the address.
    ///
    /// # Errors
    ///
    /// The port cannot be bound.
    pub async fn start(self: &Arc<Self>) -> Result<SocketAddr, ConfigError> {
        let bound = TcpListener::bind(self.bind).await;
        let problem = |error| {
            ConfigError::value(format!("listener {:?}: bind {}", self.name, self.bind), error)
        };
        let socket = bound.map_err(problem)?;
        let address = socket.local_addr().map_err(problem)?;
        info!(listener = self.name, %address, "listening");
        self.spawn_accepting(socket, Target::Bootstrap);
        Ok(address)
    }

    /// Reads certificates and users anew. Blocks: reads files.
    pub fn reload(&self) {
        if let Some(tls) = &self.tls
            && let Err(error) = tls.reload()
        {
            error!(listener = self.name, %error, "certificates not reloaded: the old ones stay in force");
        }
        let Identity::Ended(settings) = &self.identity else { return };
        if let Some(users) = &settings.users
            && let Err(error) = users.reload()
        {
            error!(listener = self.name, %error, "users not reloaded: the old ones stay in force");
        }
        if let Some(bearer) = &settings.bearer
            && let Err(error) = bearer.keys.reload()
        {
            error!(listener = self.name, %error, "JWKS not reloaded: the old keys stay in force");
        }
    }

    /// Binds a port for each of these nodes that has none.
    pub async fn open_ports(self: &Arc<Self>, nodes: impl Iterator<Item = i32>) {
        let missing: Vec<_> = nodes
            .filter(|node| !matches!(self.routes.route(*node), Some(Route::Port(_))))
            .collect();
        if missing.is_empty() {
            return;
        }
        let _binding = self.binding.lock().await;
        for node in missing {
            if !matches!(self.routes.route(node), Some(Route::Port(_))) {
                self.open_port(node).await;
            }
        }
    }

    async fn open_port(self: &Arc<Self>, node: i32) {
        let first_time = self.routes.route(node).is_none();
        let NodePorts { base, first, last } = self.ports;
        let port = match base {
            _ if !(first..=last).contains(&node) => None,
            0 => Some(0),
            _ => u16::try_from(i64::from(base) + i64::from(node)).ok(),
        };
        let Some(port) = port else {
            self.routes.set(node, Route::Unreachable);
            if first_time {
                error!(
                    listener = self.name,
                    node,
                    first,
                    last,
                    "a node outside node_ports: clients cannot reach it; widen the range"
                );
            }
            return;
        };
        let bound = TcpListener::bind((self.bind.ip(), port)).await;
        match bound.and_then(|socket| Ok((socket.local_addr()?.port(), socket))) {
            Ok((port, socket)) => {
                debug!(listener = self.name, node, port, "listening for a node");
                self.spawn_accepting(socket, Target::Node(node));
                self.routes.set(node, Route::Port(port));
            }
            Err(error) => {
                self.routes.set(node, Route::Unreachable);
                if first_time {
                    error!(listener = self.name, node, port, %error, "no port for a node: clients cannot reach it");
                }
            }
        }
    }

    fn spawn_accepting(self: &Arc<Self>, socket: TcpListener, target: Target) {
        let listener = Arc::clone(self);
        self.shared.tasks.spawn(async move { listener.accept(socket, target).await });
    }

    async fn accept(self: Arc<Self>, socket: TcpListener, target: Target) {
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = self.shared.tools.shutdown.cancelled() => return,
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    warn!(listener = self.name, %error, "accepting failed");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&self.shared.connections).try_acquire_owned() else {
                warn!(listener = self.name, %peer, "refused: limits.connections is reached");
                continue;
            };
            let listener = Arc::clone(&self);
            let span = tracing::debug_span!("connection", listener = self.name, %peer, ?target);
            let serve = async move {
                let _permit = permit;
                let stop = listener.shared.tools.stop.clone();
                let served = tokio::select! {
                    served = Arc::clone(&listener).serve(tcp, peer, target) => served,
                    () = stop.cancelled() => return,
                };
                match served {
                    Ok(()) => debug!("closed"),
                    Err(fault @ (Fault::Bug(_) | Fault::Configuration(_))) => {
                        error!(%fault, "closed")
                    }
                    Err(fault @ Fault::Broker(_)) => warn!(%fault, "closed"),
                    Err(fault) => info!(%fault, "closed"),
                }
            };
            self.shared.tasks.spawn(serve.instrument(span));
        }
    }

    async fn serve(
        self: Arc<Self>,
        tcp: TcpStream,
        peer: SocketAddr,
        target: Target,
    ) -> Result<(), Fault> {
        let io = |error| Fault::Io { side: Side::Client, error };
        tcp.set_nodelay(true).map_err(io)?;
        let transport = Transport::new(self.tls.is_some(), peer.ip());
        let (client, leaf) = match &self.tls {
            None => {
                let (reader, writer) = tcp.into_split();
                (Peer::new(reader, writer), None)
            }
            Some(tls) => {
                let acceptor = TlsAcceptor::from(tls.current());
                let accepted =
                    timeout(self.shared.tools.patience.authentication, acceptor.accept(tcp));
                let stream = accepted
                    .await
                    .map_err(|_| io(std::io::ErrorKind::TimedOut.into()))?
                    .map_err(io)?;
                let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
                let (reader, writer) = tokio::io::split(stream);
                (Peer::new(reader, writer), leaf)
            }
        };
        let authentication = match &self.identity {
            Identity::Fixed(principal) => Authentication::Known(principal.clone()),
            Identity::Ended(settings) => {
                let ranges = self.shared.cluster.ranges(target).await?;
                Authentication::Ended(Ended::new(Arc::clone(settings), transport, ranges))
            }
            Identity::Watched(reading) => {
                Authentication::Watched(Watched::new(transport).reading(reading.clone()))
            }
            Identity::Mtls(rules) => {
                let leaf = leaf.ok_or(Fault::Bug("a client without a certificate got past TLS"))?;
                let principal = mtls::mapped(leaf.as_ref(), rules);
                Authentication::Known(principal.map_err(ClientFault::Certificate)?)
            }
        };
        let session = Session::new(self.world(), authentication);
        let surroundings = Place { listener: Arc::clone(&self), target };
        Connection::new(session, surroundings, self.shared.tools.clone()).serve(client).await
    }

    fn world(&self) -> World {
        World {
            nodes: Arc::clone(&self.shared.cluster.nodes),
            routes: Arc::clone(&self.routes),
            topics: Arc::clone(&self.shared.cluster.topics),
            registry: self.shared.registry.clone(),
            reencryptor: Arc::clone(&self.shared.tools.reencryptor),
            admins: self.admins.clone(),
            limits: self.shared.limits,
        }
    }
}

/// Where a connection has come in, and so where it goes.
#[derive(Debug)]
struct Place {
    listener: Arc<Listener>,
    target: Target,
}

impl Surroundings for Place {
    async fn connect(&self, principal: Option<Principal>) -> Result<Peer, Fault> {
        self.listener.shared.cluster.connect(self.target, principal.as_ref()).await
    }

    async fn route(&self, sites: Vec<Site>) {
        for site in &sites {
            self.listener.shared.cluster.nodes.learn(site.node, site.upstream.clone());
        }
        self.listener.open_ports(sites.iter().map(|site| site.node)).await;
    }
}
