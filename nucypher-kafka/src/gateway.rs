//! The gateway: a Kafka wire-protocol proxy in front of an unmodified cluster.
//!
//! A client connects to the gateway as it would to a broker. What it produces passes through; in what
//! it fetches each EDEK is re-encrypted for it, in place; and it never learns an address at which a
//! broker listens. The gateway holds re-encryption keys and never a plaintext, a DEK or a private key.
//!
//! The path of a record, in reading order:
//!
//! | module | what happens |
//! | --- | --- |
//! | [`listener`] | a client connects: to the bootstrap port, or to the port of a node |
//! | [`connection`] | bytes move: two loops, one for each direction; sockets and time are here |
//! | [`session`] | what the bytes mean, without I/O: identity, table, order, edits |
//! | [`authorize`] | what the principal may read, by topic and by record |
//! | [`admit`] | what a channel that requires encryption takes in |
//! | [`reencryptor`] | the EDEK for this consumer, from the cache or by one multiplication |
//! | [`upstream`] | the connection to the broker |
//!
//! Around it: [`config`], [`identity`] and [`tls`]; [`nodes`], [`routes`] and [`topics`], which
//! connections share; [`budget`] and [`pool`], which bound memory and threads; [`fault`], which says
//! who is to blame.

pub mod admit;
pub mod authorize;
pub mod budget;
pub mod config;
pub mod connection;
pub mod fault;
mod files;
pub mod identity;
pub mod listener;
pub mod nodes;
pub mod pool;
pub mod private_file;
pub mod reencryptor;
pub mod reload;
pub mod routes;
pub mod session;
pub mod tls;
pub mod topics;
pub mod upstream;

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::registry::{
    AdministratorKey, Directory, GatewaySecretKey, RegistryHandle, RegistryTopic, RegistryWatcher,
    Snapshot, Sources, read_secret_file,
};
use budget::Budget;
use config::{ClusterConfig, Limits, RegistryConfig, RegistryPlace};
pub use config::{ConfigError, GatewayConfig};
use connection::{Patience, Tools};
use files::Fingerprint;
use listener::{Listener, Shared};
use pool::Pool;
use reencryptor::Reencryptor;
use session::SessionLimits;
use upstream::Cluster;

/// How often the cluster is asked for its nodes, so that every node has a port before a client that
/// learned of it elsewhere (from another gateway) asks for it.
const DISCOVERY: Duration = Duration::from_secs(30);
/// How soon again when it did not answer: at first, then twice as long each time.
const DISCOVERY_AGAIN: Duration = Duration::from_secs(1);

/// A gateway that is bound to its ports.
#[derive(Debug)]
pub struct Gateway {
    listeners: Vec<(Arc<Listener>, SocketAddr)>,
    shared: Arc<Shared>,
    drain: Duration,
    _watcher: Option<RegistryWatcher>,
}

impl Gateway {
    /// Reads what the configuration names, opens the registry, binds the bootstrap ports and begins to
    /// accept. Brokers need not be up.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the key.
    pub async fn bind(config: GatewayConfig) -> Result<Self, ConfigError> {
        let (cluster, limits) = (config.cluster.clone(), config.limits);
        let (registry, watcher) = match &config.registry {
            None => (RegistryHandle::fixed(Snapshot::empty()), None),
            Some(config) => {
                let (registry, watcher) = open_registry(config, &cluster, &limits).await?;
                (registry, Some(watcher))
            }
        };
        let mut gateway = Self::bind_with(config, registry).await?;
        gateway._watcher = watcher;
        Ok(gateway)
    }

    /// As [`bind`](Self::bind), with a registry that somebody else keeps: for tests and demonstrations.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the key.
    pub async fn bind_with(
        config: GatewayConfig,
        registry: RegistryHandle,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let limits = config.limits;
        let files = config.files();
        let seen = Fingerprint::of(&files);
        let pool = Pool::new((limits.threads > 0).then_some(limits.threads));
        let positive = |bytes: u32| i32::try_from(bytes).unwrap_or(i32::MAX);
        let blocking = move || {
            let cluster = Arc::new(Cluster::new(&config.cluster, &limits, pool.clone())?);
            let shared = Arc::new(Shared {
                cluster,
                registry,
                tools: Tools {
                    request_memory: Budget::new(limits.frame_memory_bytes / 2),
                    response_memory: Budget::new(limits.frame_memory_bytes / 2),
                    pool,
                    passwords: Pool::new(Some(1)),
                    reencryptor: Arc::new(Reencryptor::new(limits.cached_edeks)),
                    patience: patience(&limits),
                    shutdown: CancellationToken::new(),
                    stop: CancellationToken::new(),
                },
                limits: SessionLimits {
                    request_bytes: limits.request_bytes,
                    response_bytes: limits.response_bytes,
                    fetch_bytes: positive(limits.fetch_bytes),
                    in_flight: limits.in_flight,
                },
                connections: Arc::new(Semaphore::new(
                    limits.connections.min(Semaphore::MAX_PERMITS),
                )),
                tasks: TaskTracker::new(),
            });
            let listeners = config.listeners.iter();
            let listeners = listeners.map(|listener| Listener::new(listener, Arc::clone(&shared)));
            Ok::<_, ConfigError>((listeners.collect::<Result<Vec<_>, _>>()?, shared))
        };
        let prepared = tokio::task::spawn_blocking(blocking).await;
        let (prepared, shared) =
            prepared.map_err(|error| ConfigError::value("gateway", error))??;
        let mut listeners = Vec::new();
        for listener in prepared {
            let address = listener.start().await?;
            listeners.push((listener, address));
        }
        let gateway =
            Self { listeners, drain: Limits::duration(limits.drain_ms), shared, _watcher: None };
        gateway.shared.tasks.spawn(gateway.keep_discovering());
        gateway.shared.tasks.spawn(gateway.keep_reloading(files, seen));
        Ok(gateway)
    }

    /// The address of the first listener's bootstrap port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        // There is at least one: the configuration is checked.
        self.listeners
            .first()
            .map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |(_, address)| *address)
    }

    /// The address of a listener's bootstrap port.
    #[must_use]
    pub fn listener_addr(&self, name: &str) -> Option<SocketAddr> {
        self.listeners
            .iter()
            .find(|(listener, _)| listener.name() == name)
            .map(|(_, address)| *address)
    }

    /// Reads certificates and users anew, for connections to come. What cannot be read is logged, and
    /// what was in force stays in force. A file that changes is read without being asked for.
    pub async fn reload(&self) {
        if tokio::task::spawn_blocking(self.reloading()).await.is_err() {
            warn!("reloading did not end");
        }
    }

    /// Reads all files anew. What it gives blocks.
    fn reloading(&self) -> impl Fn() + Clone + Send + 'static {
        let listeners: Vec<_> =
            self.listeners.iter().map(|(listener, _)| Arc::clone(listener)).collect();
        let cluster = Arc::clone(&self.shared.cluster);
        move || {
            listeners.iter().for_each(|listener| listener.reload());
            if let Err(error) = cluster.reload() {
                warn!(%error, "certificates for brokers not reloaded: the old ones stay in force");
            }
        }
    }

    /// Reads files anew when they change. A pair of files that is replaced one after the other may be
    /// read between the two: that fails, and the second change is another reason to read.
    fn keep_reloading(
        &self,
        files: Vec<PathBuf>,
        mut seen: Fingerprint,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (reload, shutdown) = (self.reloading(), self.shared.tools.shutdown.clone());
        let keep = async move {
            let files: Arc<[PathBuf]> = files.into();
            while !files.is_empty() {
                sleep(files::LOOK).await;
                let (files, reload, known) = (Arc::clone(&files), reload.clone(), seen.clone());
                let looked = tokio::task::spawn_blocking(move || {
                    let found = Fingerprint::of(&files);
                    if found != known {
                        info!(
                            "a file has changed: certificates, users and token keys are read anew"
                        );
                        reload();
                    }
                    found
                });
                let Ok(found) = looked.await else { return };
                seen = found;
            }
        };
        async move {
            tokio::select! {
                () = keep => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Serves until `shutdown`, then drains: no new connections, no new requests; what is in flight is
    /// answered, for as long as `limits.drain_ms`.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        info!("draining");
        self.shared.tools.shutdown.cancel();
        self.shared.tasks.close();
        if timeout(self.drain, self.shared.tasks.wait()).await.is_err() {
            warn!(connections = self.shared.tasks.len(), "not drained in time: closed");
            self.shared.tools.stop.cancel();
            self.shared.tasks.wait().await;
        }
    }

    /// Keeps a port open for every node of the cluster.
    fn keep_discovering(&self) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        let listeners: Vec<_> =
            self.listeners.iter().map(|(listener, _)| Arc::clone(listener)).collect();
        let shutdown = shared.tools.shutdown.clone();
        let keep = async move {
            let mut failures = 0;
            loop {
                let again = match shared.cluster.discover().await {
                    Ok(()) => {
                        failures = 0;
                        for listener in &listeners {
                            listener.open_ports(shared.cluster.nodes.ids().into_iter()).await;
                        }
                        DISCOVERY
                    }
                    Err(fault) => {
                        if failures == 0 {
                            warn!(%fault, "the cluster does not answer the gateway's own question");
                        }
                        failures += 1;
                        DISCOVERY_AGAIN.saturating_mul(1 << failures.min(5)).min(DISCOVERY)
                    }
                };
                sleep(again).await;
            }
        };
        async move {
            tokio::select! {
                () = keep => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
}

fn patience(limits: &Limits) -> Patience {
    Patience {
        idle: Limits::duration(limits.idle_ms),
        progress: Limits::duration(limits.progress_ms),
        response: Limits::duration(limits.response_ms),
        authentication: Limits::duration(limits.authentication_ms),
        drain: Limits::duration(limits.drain_ms),
    }
}

async fn open_registry(
    config: &RegistryConfig,
    cluster: &ClusterConfig,
    limits: &Limits,
) -> Result<(RegistryHandle, RegistryWatcher), ConfigError> {
    let key = |name: &str| format!("registry.{name}");
    let administrators = config.administrators.iter().map(|path| {
        let text = fs::read_to_string(path)
            .map_err(|error| ConfigError::Io { path: path.clone(), error })?;
        let administrator = AdministratorKey::from_pem(&text);
        administrator.map_err(|error| {
            ConfigError::value(key("administrators"), format!("{}: {error}", path.display()))
        })
    });
    let path = config.gateway_key.display();
    let gateway = read_secret_file(&config.gateway_key)
        .and_then(|text| GatewaySecretKey::from_pem(&text, None));
    let sources = Sources {
        administrators: administrators.collect::<Result<_, _>>()?,
        gateway: gateway
            .map_err(|error| ConfigError::value(key("gateway_key"), format!("{path}: {error}")))?,
        state: config.state.clone(),
    };
    let opened = match config.place()? {
        RegistryPlace::Directory(path) => RegistryHandle::open(Directory::new(path), sources).await,
        RegistryPlace::Topic(name) => {
            let topic = RegistryTopic::open(cluster.clone(), *limits, name).await?;
            RegistryHandle::follow(sources, topic).await
        }
    };
    opened.map_err(|error| ConfigError::value("registry", error))
}
