//! The gateway's configuration: one TOML file, `deploy/gateway.toml` is a documented example.
//!
//! An unknown key is an error, and every error names the key and says what to do. Paths are relative to
//! the folder of the file. No secret stands in it: passwords and keys are in files of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::identity::{MappingRules, Mechanism, Principal, PrincipalError};

/// Everything that a gateway is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GatewayConfig {
    /// The Kafka cluster behind the gateway.
    pub cluster: ClusterConfig,
    /// Where clients connect: one table `[[listener]]` for each.
    #[serde(rename = "listener")]
    pub listeners: Vec<ListenerConfig>,
    /// Channels and grants; without it every topic is open and nothing is re-encrypted.
    #[serde(default)]
    pub registry: Option<RegistryConfig>,
    /// Limits on memory and time.
    #[serde(default)]
    pub limits: Limits,
}

/// The cluster, and how the gateway connects to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// `host:port` of some brokers.
    pub bootstrap_servers: Vec<String>,
    /// TLS to the brokers.
    #[serde(default)]
    pub tls: Option<UpstreamTls>,
    /// The gateway's own account at the brokers.
    #[serde(default)]
    pub sasl: Option<UpstreamSasl>,
    /// Accounts at the brokers for single principals, so that the brokers' ACLs see who asks.
    #[serde(default)]
    pub principals: BTreeMap<String, UpstreamSasl>,
}

/// TLS to the brokers. Their certificates are checked against their names, always.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamTls {
    /// PEM: the authorities that are believed.
    pub authorities: PathBuf,
    /// PEM: the gateway's own certificate chain, for mTLS.
    #[serde(default)]
    pub certificates: Option<PathBuf>,
    /// PEM: its private key, mode 0600.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// An account at the brokers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamSasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The user's name.
    pub username: String,
    /// A file with the password and nothing else, mode 0600.
    pub password_file: PathBuf,
}

/// Where clients connect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListenerConfig {
    /// Its name in logs.
    pub name: String,
    /// The address of the bootstrap port, such as `0.0.0.0:9092`.
    pub bind: SocketAddr,
    /// The host that clients are told; a name or an address that leads to this gateway.
    pub advertised_host: String,
    /// The ports that lead to single brokers.
    pub node_ports: NodePorts,
    /// Who the clients are.
    pub identity: IdentityConfig,
    /// TLS to the clients.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Principals that may use administrative APIs where the brokers see the gateway and not them.
    #[serde(default)]
    pub admin_principals: Vec<String>,
}

/// The port of a node is `base` plus its id.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NodePorts {
    /// The port of node 0; zero lets the system choose one for each node, for tests.
    pub base: u16,
    /// The lowest node id.
    #[serde(default)]
    pub first: i32,
    /// The highest node id.
    #[serde(default = "default_last_node")]
    pub last: i32,
}

fn default_last_node() -> i32 {
    99
}

/// Who the clients of a listener are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IdentityConfig {
    /// All of them are one principal: for development.
    Fixed {
        /// Which.
        principal: String,
    },
    /// SASL ends at the gateway.
    Sasl {
        /// The users file (`nucypher user add`), mode 0600: for all mechanisms but OAUTHBEARER.
        #[serde(default)]
        users: Option<PathBuf>,
        /// Which tokens are believed: for OAUTHBEARER.
        #[serde(default)]
        oauth: Option<OauthConfig>,
        /// The mechanisms that are offered.
        #[serde(default = "default_mechanisms")]
        mechanisms: Vec<String>,
        /// For how many seconds an authentication holds; zero for as long as the connection.
        #[serde(default)]
        session_lifetime_s: u64,
    },
    /// SASL passes through to the brokers, and is believed once they have accepted it.
    SaslPassThrough {
        /// The claim of an OAUTHBEARER token that names the principal: the brokers'
        /// `sasl.oauthbearer.sub.claim.name`.
        #[serde(default = "default_principal_claim")]
        principal_claim: String,
        /// Lets tokens pass that are not signed: for development, with brokers on this machine.
        #[serde(default)]
        unsecured_tokens: bool,
    },
    /// The subject of the client's certificate.
    Mtls {
        /// Kafka's `ssl.principal.mapping.rules`.
        #[serde(default)]
        principal_mapping_rules: Option<String>,
    },
}

/// Which OAUTHBEARER tokens are believed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OauthConfig {
    /// JWKS (RFC 7517): the public keys of the issuer.
    pub jwks: PathBuf,
    /// What the claim `iss` must say.
    pub issuer: String,
    /// What the claim `aud` must name; one of these.
    pub audiences: Vec<String>,
    /// The claim that names the principal.
    #[serde(default = "default_principal_claim")]
    pub principal_claim: String,
    /// By how many seconds the issuer's clock may differ.
    #[serde(default = "default_clock_skew")]
    pub clock_skew_s: u64,
}

fn default_principal_claim() -> String {
    "sub".to_owned()
}

fn default_clock_skew() -> u64 {
    30
}

fn default_mechanisms() -> Vec<String> {
    vec!["SCRAM-SHA-512".to_owned(), "SCRAM-SHA-256".to_owned()]
}

/// TLS to the clients.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListenerTls {
    /// PEM: the gateway's certificate chain, leaf first.
    pub certificates: PathBuf,
    /// PEM: its private key, mode 0600.
    pub key: PathBuf,
    /// PEM: the authorities for client certificates; clients without one are turned away.
    #[serde(default)]
    pub client_authorities: Option<PathBuf>,
}

/// Channels and grants.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RegistryConfig {
    /// The directory of signed entries; or else `topic`.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// The compacted topic of signed entries, in the gateway's own cluster; or else `directory`.
    #[serde(default)]
    pub topic: Option<String>,
    /// PEM: the public keys of the administrators that are believed, in the order in which their
    /// claims on topics count.
    pub administrators: Vec<PathBuf>,
    /// PEM: the gateway's own key, mode 0600.
    pub gateway_key: PathBuf,
    /// Where the gateway keeps the highest revisions that it has seen.
    pub state: PathBuf,
}

/// Limits. `docs/operations.md` has the arithmetic.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once, over all listeners.
    pub connections: usize,
    /// The longest request, in bytes; Kafka's `socket.request.max.bytes`.
    pub request_bytes: u32,
    /// The longest response, in bytes.
    pub response_bytes: u32,
    /// The largest `max_bytes` of a fetch that reaches a broker.
    pub fetch_bytes: u32,
    /// Memory for frames that are held whole, for the whole process, in bytes; half for each direction.
    pub frame_memory_bytes: usize,
    /// Requests of one connection that wait for their responses.
    pub in_flight: usize,
    /// EDEKs that are remembered; each takes some 300 bytes.
    pub cached_edeks: usize,
    /// Topic ids that are remembered.
    pub cached_topics: usize,
    /// Threads for re-encryption, compression and passwords; zero for one on each processor.
    pub threads: usize,
    /// Silence between requests, in milliseconds; Kafka's `connections.max.idle.ms`.
    pub idle_ms: u64,
    /// No progress within a frame, in milliseconds.
    pub progress_ms: u64,
    /// A broker's answer, in milliseconds.
    pub response_ms: u64,
    /// From a connection to a known principal, in milliseconds.
    pub authentication_ms: u64,
    /// Connecting to a broker, in milliseconds.
    pub connect_ms: u64,
    /// From the signal to end to the end, in milliseconds.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            request_bytes: 100 << 20,
            response_bytes: 100 << 20,
            fetch_bytes: 16 << 20,
            frame_memory_bytes: 512 << 20,
            in_flight: 256,
            cached_edeks: 100_000,
            cached_topics: 100_000,
            threads: 0,
            idle_ms: 600_000,
            progress_ms: 30_000,
            response_ms: 900_000,
            authentication_ms: 30_000,
            connect_ms: 10_000,
            drain_ms: 10_000,
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is no TOML, or holds a key that is unknown or of the wrong type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A value that cannot be.
    #[error("{key}: {problem}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl ConfigError {
    pub(crate) fn value(key: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Value { key: key.into(), problem: problem.to_string() }
    }
}

impl ClusterConfig {
    /// A cluster without TLS and without an account.
    #[must_use]
    pub fn plain(bootstrap_servers: Vec<String>) -> Self {
        Self { bootstrap_servers, tls: None, sasl: None, principals: BTreeMap::new() }
    }

    /// Reads a file that holds the keys of `[cluster]`; relative paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the file, the line or the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Io { path: path.to_owned(), error })?;
        let mut config: Self = toml::from_str(&text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for path in config.paths() {
            *path = folder.join(&*path);
        }
        Ok(config)
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        if let Some(tls) = &mut self.tls {
            paths.push(&mut tls.authorities);
            paths.extend(tls.certificates.as_mut());
            paths.extend(tls.key.as_mut());
        }
        paths.extend(self.sasl.as_mut().map(|sasl| &mut sasl.password_file));
        paths.extend(self.principals.values_mut().map(|sasl| &mut sasl.password_file));
        paths
    }
}

impl GatewayConfig {
    /// Reads a file; relative paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the file, the line or the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Io { path: path.to_owned(), error })?;
        let mut config = Self::parse(&text)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Parses the text of a file and checks what can be checked without the system.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Makes relative paths relative to `folder`.
    pub fn resolve(&mut self, folder: &Path) {
        let mut paths = self.cluster.paths();
        for listener in &mut self.listeners {
            if let IdentityConfig::Sasl { users, oauth, .. } = &mut listener.identity {
                paths.extend(users);
                paths.extend(oauth.as_mut().map(|oauth| &mut oauth.jwks));
            }
            if let Some(tls) = &mut listener.tls {
                paths.extend([&mut tls.certificates, &mut tls.key]);
                paths.extend(tls.client_authorities.as_mut());
            }
        }
        if let Some(registry) = &mut self.registry {
            paths.extend(registry.directory.as_mut());
            paths.extend([&mut registry.gateway_key, &mut registry.state]);
            paths.extend(registry.administrators.iter_mut());
        }
        for path in paths {
            *path = folder.join(&*path);
        }
    }

    /// The files that may be read anew while the gateway runs.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        if let Some(UpstreamTls { authorities, certificates, key }) = &self.cluster.tls {
            files.push(authorities);
            files.extend(certificates);
            files.extend(key);
        }
        for listener in &self.listeners {
            if let IdentityConfig::Sasl { users, oauth, .. } = &listener.identity {
                files.extend(users);
                files.extend(oauth.as_ref().map(|oauth| &oauth.jwks));
            }
            if let Some(ListenerTls { certificates, key, client_authorities }) = &listener.tls {
                files.extend([certificates, key]);
                files.extend(client_authorities);
            }
        }
        files.into_iter().cloned().collect()
    }

    /// Checks what no type says.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.cluster.bootstrap_servers.is_empty() {
            return Err(ConfigError::value(
                "cluster.bootstrap_servers",
                "name at least one broker as \"host:port\"",
            ));
        }
        for server in &self.cluster.bootstrap_servers {
            host_and_port(server).ok_or_else(|| {
                ConfigError::value(
                    "cluster.bootstrap_servers",
                    format!("{server:?} is not \"host:port\""),
                )
            })?;
        }
        if let Some(registry) = &self.registry
            && registry.directory.is_some() == registry.topic.is_some()
        {
            return Err(ConfigError::value("registry", "set either directory or topic"));
        }
        if let Some(tls) = &self.cluster.tls
            && tls.certificates.is_some() != tls.key.is_some()
        {
            return Err(ConfigError::value(
                "cluster.tls",
                "for mTLS set both certificates and key",
            ));
        }
        let named = self
            .cluster
            .principals
            .iter()
            .map(|(name, sasl)| (format!("cluster.principals.{name}"), sasl));
        for (key, sasl) in
            self.cluster.sasl.iter().map(|sasl| ("cluster.sasl".to_owned(), sasl)).chain(named)
        {
            if mechanism(&key, &sasl.mechanism)? == Mechanism::OAuthBearer {
                let problem =
                    "the gateway's own account needs PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
                return Err(ConfigError::value(format!("{key}.mechanism"), problem));
            }
        }
        for name in self.cluster.principals.keys() {
            principal("cluster.principals", name)?;
        }
        if self.listeners.is_empty() {
            return Err(ConfigError::value(
                "listener",
                "add a table [[listener]]: clients need a place to connect",
            ));
        }
        self.listeners.iter().try_for_each(|listener| listener.check(&self.cluster))?;
        self.check_ports()?;
        self.limits.check()
    }

    fn check_ports(&self) -> Result<(), ConfigError> {
        let ranges = self.listeners.iter().filter(|listener| listener.node_ports.base != 0);
        let mut taken: Vec<(std::ops::RangeInclusive<i64>, &str)> = Vec::new();
        for listener in ranges {
            let NodePorts { base, first, last } = listener.node_ports;
            let range = i64::from(base) + i64::from(first)..=i64::from(base) + i64::from(last);
            let own = i64::from(listener.bind.port());
            if range.contains(&own) {
                let problem = format!("port {own} of bind lies in the range of node_ports");
                return Err(ConfigError::value(format!("listener {:?}", listener.name), problem));
            }
            if let Some((_, other)) =
                taken.iter().find(|(r, _)| r.start() <= range.end() && range.start() <= r.end())
            {
                let problem = format!("node_ports overlap those of listener {other:?}");
                return Err(ConfigError::value(format!("listener {:?}", listener.name), problem));
            }
            taken.push((range, &listener.name));
        }
        Ok(())
    }
}

impl ListenerConfig {
    fn check(&self, cluster: &ClusterConfig) -> Result<(), ConfigError> {
        let key = |name: &str| format!("listener {:?}: {name}", self.name);
        let NodePorts { base, first, last } = self.node_ports;
        if first < 0 || last < first {
            return Err(ConfigError::value(
                key("node_ports"),
                "first and last must be node ids, first <= last",
            ));
        }
        if base != 0 && i64::from(base) + i64::from(last) > i64::from(u16::MAX) {
            return Err(ConfigError::value(
                key("node_ports"),
                "base + last is beyond port 65535; lower one of them",
            ));
        }
        if self.advertised_host.is_empty() || self.advertised_host.len() > 255 {
            return Err(ConfigError::value(
                key("advertised_host"),
                "name the host at which clients reach this gateway",
            ));
        }
        for name in &self.admin_principals {
            principal(&key("admin_principals"), name)?;
        }
        match &self.identity {
            IdentityConfig::Fixed { principal: name } => {
                principal(&key("identity.principal"), name).map(|_| ())
            }
            IdentityConfig::Sasl { mechanisms, users, oauth, .. } => {
                if mechanisms.is_empty() {
                    return Err(ConfigError::value(
                        key("identity.mechanisms"),
                        "offer at least one mechanism",
                    ));
                }
                for name in mechanisms {
                    let bearer =
                        mechanism(&key("identity.mechanisms"), name)? == Mechanism::OAuthBearer;
                    match (bearer, users, oauth) {
                        (true, _, None) => {
                            return Err(ConfigError::value(
                                key("identity.oauth"),
                                "OAUTHBEARER needs the table oauth with jwks, issuer and audiences",
                            ));
                        }
                        (false, None, _) => {
                            return Err(ConfigError::value(
                                key("identity.users"),
                                format!("{name} needs a users file"),
                            ));
                        }
                        _ => {}
                    }
                }
                match oauth {
                    Some(oauth) if oauth.audiences.is_empty() => Err(ConfigError::value(
                        key("identity.oauth.audiences"),
                        "name the audience that tokens for this cluster have",
                    )),
                    _ => Ok(()),
                }
            }
            IdentityConfig::SaslPassThrough { unsecured_tokens, .. } => {
                if cluster.sasl.is_some() || !cluster.principals.is_empty() {
                    return Err(ConfigError::value(
                        key("identity"),
                        "with sasl-pass-through the clients' own accounts are used: remove cluster.sasl and cluster.principals",
                    ));
                }
                let local = cluster.bootstrap_servers.iter().all(|server| is_loopback(server));
                if *unsecured_tokens && !(local && self.bind.ip().is_loopback()) {
                    return Err(ConfigError::value(
                        key("identity.unsecured_tokens"),
                        "anybody can make such a token: only with brokers and bind on loopback addresses",
                    ));
                }
                if cluster.tls.is_none() && !local {
                    return Err(ConfigError::value(
                        key("identity"),
                        "sasl-pass-through believes the broker's answer, so it needs [cluster.tls]",
                    ));
                }
                Ok(())
            }
            IdentityConfig::Mtls { principal_mapping_rules } => match &self.tls {
                Some(ListenerTls { client_authorities: Some(_), .. }) => {
                    mapping_rules(&key("identity"), principal_mapping_rules.as_deref()).map(|_| ())
                }
                _ => Err(ConfigError::value(
                    key("tls.client_authorities"),
                    "identity mtls needs the authorities for client certificates",
                )),
            },
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        let key = |name: &str| format!("limits.{name}");
        let positive = [
            ("connections", self.connections),
            ("in_flight", self.in_flight),
            ("request_bytes", usize::try_from(self.request_bytes).unwrap_or(usize::MAX)),
            ("response_bytes", usize::try_from(self.response_bytes).unwrap_or(usize::MAX)),
            ("fetch_bytes", usize::try_from(self.fetch_bytes).unwrap_or(usize::MAX)),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(ConfigError::value(key(name), "must be positive"));
            }
        }
        for (name, value) in [
            ("request_bytes", self.request_bytes),
            ("response_bytes", self.response_bytes),
            ("fetch_bytes", self.fetch_bytes),
        ] {
            if i32::try_from(value).is_err() {
                return Err(ConfigError::value(key(name), "must be below 2147483648"));
            }
        }
        let largest = usize::try_from(self.request_bytes.max(self.response_bytes));
        // Half for each direction, and some room for rounding.
        let least = largest.unwrap_or(usize::MAX).saturating_add(64 * 1024).saturating_mul(2);
        if self.frame_memory_bytes < least {
            let problem =
                format!("must have room for the largest frame in each direction: at least {least}");
            return Err(ConfigError::value(key("frame_memory_bytes"), problem));
        }
        if self.fetch_bytes > self.response_bytes {
            return Err(ConfigError::value(
                key("fetch_bytes"),
                "must not be larger than response_bytes",
            ));
        }
        Ok(())
    }

    /// How long a value in milliseconds is.
    pub(super) fn duration(ms: u64) -> Duration {
        Duration::from_millis(ms.max(1))
    }
}

/// Parses a principal.
pub(super) fn principal(key: &str, name: &str) -> Result<Principal, ConfigError> {
    name.parse().map_err(|error: PrincipalError| ConfigError::value(key, error))
}

/// Parses mapping rules; none are Kafka's default.
pub(super) fn mapping_rules(key: &str, rules: Option<&str>) -> Result<MappingRules, ConfigError> {
    let rules = MappingRules::parse(rules.unwrap_or("DEFAULT"));
    rules.map_err(|error| ConfigError::value(format!("{key}.principal_mapping_rules"), error))
}

/// Parses a mechanism.
pub(super) fn mechanism(key: &str, name: &str) -> Result<Mechanism, ConfigError> {
    name.parse().map_err(|error| ConfigError::value(key, error))
}

/// Splits `host:port`; an IPv6 address stands in brackets.
pub(super) fn host_and_port(server: &str) -> Option<(&str, u16)> {
    let (host, port) = server.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok().then_some((host, port)),
        None => (!host.is_empty() && host.chars().all(is_host)).then_some((host, port)),
    }
}

fn is_loopback(server: &str) -> bool {
    host_and_port(server).is_some_and(|(host, _)| {
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests;
