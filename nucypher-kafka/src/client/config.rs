//! Where the cluster is and how to speak to it: the connection settings that the
//! producer and the consumer share.
//!
//! Secret: passwords. They stand in [`Zeroizing`] buffers here; librdkafka keeps its own
//! copy for as long as a client lives. `Debug` shows none of them.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use zeroize::Zeroizing;

/// True where librdkafka was built with OpenSSL: TLS, SCRAM and OAUTHBEARER.
///
/// SASL/PLAIN needs no OpenSSL.
pub const TLS_COMPILED_IN: bool =
    cfg!(any(feature = "client-tls", feature = "client-tls-vendored"));

/// Properties of librdkafka that carry a secret: never taken from a command line.
pub const SECRET_PROPERTIES: &[&str] = &[
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
];

/// How a connection is protected and who it says it is.
#[derive(Clone)]
#[non_exhaustive]
pub enum Security {
    /// Neither TLS nor SASL: loopback, or a network that is protected otherwise.
    Plaintext,
    /// SASL over a connection without TLS.
    SaslPlaintext(Sasl),
    /// TLS, with a client certificate where one is given.
    Tls(Tls),
    /// SASL over TLS.
    SaslTls(Sasl, Tls),
}

/// A SASL mechanism with a user's name and password.
#[derive(Clone)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: SaslMechanism,
    /// The user's name, as the server knows it.
    pub user: String,
    /// The user's password.
    pub password: Zeroizing<String>,
}

/// The SASL mechanisms that work with a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// The password in the clear: over TLS or loopback only.
    Plain,
    /// RFC 7677.
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

/// Files of a TLS client, all PEM.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates of the authorities that are believed; the system's where `None`.
    pub ca_file: Option<String>,
    /// The client's own certificate chain.
    pub certificate_file: Option<String>,
    /// The private key of that certificate.
    pub key_file: Option<String>,
}

impl SaslMechanism {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// The connection settings of one client.
#[derive(Clone)]
pub struct Connection {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// TLS and identity.
    pub security: Security,
    /// Further properties of librdkafka, as its CONFIGURATION.md lists them. They
    /// win over what this crate sets.
    pub properties: BTreeMap<String, String>,
}

/// What is wrong with the settings of a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The program was built without OpenSSL.
    #[error(
        "{what} needs a build with OpenSSL: cargo build --features client-tls (the system's library) or client-tls-vendored (built from source)"
    )]
    TlsNotCompiledIn {
        /// What was asked for.
        what: String,
    },
    /// No server was named.
    #[error("no bootstrap server was given: name at least one HOST:PORT")]
    NoBootstrapServer,
    /// librdkafka refused a property.
    #[error("the Kafka client property {name}={value} was refused: {reason}")]
    Property {
        /// The property's name.
        name: String,
        /// Its value, or stars where it is secret.
        value: String,
        /// librdkafka's words.
        reason: String,
    },
    /// librdkafka could not create the client.
    #[error("the Kafka client could not be created: {0}")]
    Creation(String),
    /// The sealing or opening part could not be set up.
    #[error("{0}")]
    Envelope(String),
}

impl Connection {
    /// Settings for a cluster without TLS and SASL.
    pub fn plaintext(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            security: Security::Plaintext,
            properties: BTreeMap::new(),
        }
    }

    /// Settings for a user with a password, SASL/PLAIN without TLS.
    pub fn sasl_plain(
        bootstrap_servers: impl Into<String>,
        user: impl Into<String>,
        password: Zeroizing<String>,
    ) -> Self {
        let sasl = Sasl { mechanism: SaslMechanism::Plain, user: user.into(), password };
        Self { security: Security::SaslPlaintext(sasl), ..Self::plaintext(bootstrap_servers) }
    }

    /// Add one property of librdkafka.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// Write these settings into a librdkafka configuration, over `defaults`.
    ///
    /// Errors: a mechanism or a protocol that this build cannot speak.
    pub(crate) fn librdkafka(
        &self,
        defaults: &[(&str, &str)],
    ) -> Result<ClientConfig, ConfigError> {
        if self.bootstrap_servers.split(',').all(|server| server.trim().is_empty()) {
            return Err(ConfigError::NoBootstrapServer);
        }
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers);
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        let (sasl, tls) = match &self.security {
            Security::Plaintext => (None, None),
            Security::SaslPlaintext(sasl) => (Some(sasl), None),
            Security::Tls(tls) => (None, Some(tls)),
            Security::SaslTls(sasl, tls) => (Some(sasl), Some(tls)),
        };
        let protocol = match (sasl, tls) {
            (None, None) => "plaintext",
            (Some(_), None) => "sasl_plaintext",
            (None, Some(_)) => "ssl",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        if tls.is_some() {
            needs_openssl("TLS")?;
        }
        config.set("security.protocol", protocol);
        if let Some(sasl) = sasl {
            if sasl.mechanism != SaslMechanism::Plain {
                needs_openssl(sasl.mechanism.name())?;
            }
            config.set("sasl.mechanism", sasl.mechanism.name());
            config.set("sasl.username", &sasl.user);
            config.set("sasl.password", sasl.password.as_str());
        }
        if let Some(tls) = tls {
            for (name, file) in [
                ("ssl.ca.location", &tls.ca_file),
                ("ssl.certificate.location", &tls.certificate_file),
                ("ssl.key.location", &tls.key_file),
            ] {
                if let Some(file) = file {
                    config.set(name, file);
                }
            }
        }
        for (name, value) in &self.properties {
            if !TLS_COMPILED_IN && is_tls_property(name, value) {
                needs_openssl(&format!("{name}={}", shown(name, value)))?;
            }
            config.set(name, value);
        }
        Ok(config)
    }
}

fn needs_openssl(what: &str) -> Result<(), ConfigError> {
    if TLS_COMPILED_IN {
        Ok(())
    } else {
        Err(ConfigError::TlsNotCompiledIn { what: what.to_owned() })
    }
}

fn is_tls_property(name: &str, value: &str) -> bool {
    match name {
        "security.protocol" => value.to_ascii_lowercase().ends_with("ssl"),
        "sasl.mechanism" | "sasl.mechanisms" => {
            value.starts_with("SCRAM") || value == "OAUTHBEARER"
        }
        _ => name.starts_with("ssl."),
    }
}

/// A property's value as it may appear in a message.
fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if SECRET_PROPERTIES.contains(&name) { "***" } else { value }
}

impl From<rdkafka::error::KafkaError> for ConfigError {
    fn from(error: rdkafka::error::KafkaError) -> Self {
        use rdkafka::error::KafkaError;
        match error {
            KafkaError::ClientConfig(_, reason, name, value) => {
                let value = shown(&name, &value).to_owned();
                Self::Property { name, value, reason: reason.trim().to_owned() }
            }
            KafkaError::ClientCreation(reason) => Self::Creation(reason.trim().to_owned()),
            other => Self::Creation(other.to_string()),
        }
    }
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plaintext => f.write_str("Plaintext"),
            Self::SaslPlaintext(sasl) => f.debug_tuple("SaslPlaintext").field(sasl).finish(),
            Self::Tls(tls) => f.debug_tuple("Tls").field(tls).finish(),
            Self::SaslTls(sasl, tls) => f.debug_tuple("SaslTls").field(sasl).field(tls).finish(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("security", &self.security)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password() -> Zeroizing<String> {
        Zeroizing::new("correct horse".to_owned())
    }

    #[test]
    fn debug_shows_no_password() {
        let connection = Connection::sasl_plain("localhost:9092", "alice", password())
            .property("sasl.password", "battery staple");
        let shown = format!("{connection:?}");
        assert!(shown.contains("alice"));
        assert!(!shown.contains("correct horse") && !shown.contains("battery"), "{shown}");
    }

    #[test]
    fn plain_needs_no_openssl() {
        let config = Connection::sasl_plain("h:1", "alice", password())
            .librdkafka(&[("linger.ms", "5")])
            .unwrap();
        assert_eq!(config.get("security.protocol"), Some("sasl_plaintext"));
        assert_eq!(config.get("sasl.mechanism"), Some("PLAIN"));
        assert_eq!(config.get("linger.ms"), Some("5"));
    }

    #[test]
    fn properties_win_over_defaults() {
        let config = Connection::plaintext("h:1")
            .property("linger.ms", "9")
            .librdkafka(&[("linger.ms", "5")])
            .unwrap();
        assert_eq!(config.get("linger.ms"), Some("9"));
    }

    #[test]
    fn without_openssl_the_feature_is_named() {
        if TLS_COMPILED_IN {
            eprintln!("skipped: this build has OpenSSL");
            return;
        }
        let tls =
            Connection { security: Security::Tls(Tls::default()), ..Connection::plaintext("h:1") };
        let sasl =
            Sasl { mechanism: SaslMechanism::ScramSha256, user: "a".into(), password: password() };
        let scram =
            Connection { security: Security::SaslPlaintext(sasl), ..Connection::plaintext("h:1") };
        let property = Connection::plaintext("h:1").property("security.protocol", "SASL_SSL");
        for connection in [tls, scram, property] {
            let message = connection.librdkafka(&[]).unwrap_err().to_string();
            assert!(message.contains("client-tls"), "{message}");
        }
    }

    #[test]
    fn no_server_is_an_error() {
        assert!(matches!(
            Connection::plaintext(" ,").librdkafka(&[]),
            Err(ConfigError::NoBootstrapServer)
        ));
    }
}
