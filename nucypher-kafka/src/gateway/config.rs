//! The gateway's configuration: one TOML file, `deploy/gateway.toml` is a documented example.
//!
//! An unknown key is an error, and every error names the key and says what to do. Paths are relative to
//! the folder of the file. No secret stands in it: passwords and keys are in files of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

mod check;
mod limits;

pub(super) use check::{host_and_port, mapping_rules, mechanism, principal};
pub use limits::Limits;

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

/// Where a registry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum RegistryPlace<'a> {
    /// A directory of signed entries.
    Directory(&'a Path),
    /// A compacted topic of signed entries.
    Topic(&'a str),
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
        let mut config: Self = toml::from_str(&read(path)?)?;
        make_absolute(config.paths(), path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<_> = self.tls.iter_mut().flat_map(UpstreamTls::paths).collect();
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
        let mut config = Self::parse(&read(path)?)?;
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
        paths.extend(self.listeners.iter_mut().flat_map(ListenerConfig::paths));
        if let Some(registry) = &mut self.registry {
            paths.extend(registry.directory.as_mut());
            paths.extend([&mut registry.gateway_key, &mut registry.state]);
            paths.extend(registry.administrators.iter_mut());
        }
        make_absolute(paths, folder);
    }

    /// The files that may be read anew while the gateway runs.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let (mut tls, mut listeners) = (self.cluster.tls.clone(), self.listeners.clone());
        let tls = tls.iter_mut().flat_map(UpstreamTls::paths);
        tls.chain(listeners.iter_mut().flat_map(ListenerConfig::paths))
            .map(|path| path.clone())
            .collect()
    }
}

impl UpstreamTls {
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [Some(&mut self.authorities), self.certificates.as_mut(), self.key.as_mut()]
            .into_iter()
            .flatten()
    }
}

impl ListenerConfig {
    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths = Vec::new();
        if let IdentityConfig::Sasl { users, oauth, .. } = &mut self.identity {
            paths.extend(users);
            paths.extend(oauth.as_mut().map(|oauth| &mut oauth.jwks));
        }
        if let Some(tls) = &mut self.tls {
            paths.extend([&mut tls.certificates, &mut tls.key]);
            paths.extend(tls.client_authorities.as_mut());
        }
        paths
    }
}

impl RegistryConfig {
    /// Where the registry is.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] where that is not exactly one place.
    pub(super) fn place(&self) -> Result<RegistryPlace<'_>, ConfigError> {
        match (&self.directory, &self.topic) {
            (Some(path), None) => Ok(RegistryPlace::Directory(path)),
            (None, Some(topic)) => Ok(RegistryPlace::Topic(topic)),
            _ => Err(ConfigError::value("registry", "set either directory or topic")),
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::Io { path: path.to_owned(), error })
}

fn make_absolute<'a>(paths: impl IntoIterator<Item = &'a mut PathBuf>, folder: &Path) {
    for path in paths {
        *path = folder.join(&*path);
    }
}

#[cfg(test)]
mod tests;
