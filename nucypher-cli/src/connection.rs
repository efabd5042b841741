//! How `produce`, `consume` and `inspect` reach a cluster: options shared by the three.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use nucypher_kafka::client::config::SECRET_PROPERTIES;
use nucypher_kafka::client::{Connection, Sasl, SaslMechanism, Security, Tls};

use crate::exit::{Coded, Exit};
use crate::{files, keys};

/// The variable that holds a SASL password.
pub(crate) const PASSWORD_VARIABLE: &str = "NUCYPHER_KAFKA_PASSWORD";

/// The mechanisms by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mechanism {
    /// The password as it is: over TLS or loopback only
    Plain,
    /// SCRAM-SHA-256
    #[value(name = "scram-sha-256")]
    ScramSha256,
    /// SCRAM-SHA-512
    #[value(name = "scram-sha-512")]
    ScramSha512,
}

/// Where the cluster is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ServerArgs {
    /// Address of a gateway or a broker, several separated by commas
    #[arg(long, short = 'b', value_name = "HOST:PORT")]
    pub(crate) bootstrap_server: String,
}

/// Who asks, and how the connection is protected.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// SASL user name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File whose first line is the SASL password (else NUCYPHER_KAFKA_PASSWORD)
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// SASL mechanism; SCRAM needs a build with the feature client-tls
    #[arg(long, value_enum, default_value = "plain", requires = "user")]
    mechanism: Mechanism,
    /// Use TLS; needs a build with the feature client-tls
    #[arg(long)]
    tls: bool,
    /// Certificates of the authorities to believe, PEM; the system's if left out
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<String>,
    /// The client's own certificate chain, PEM
    #[arg(long, value_name = "FILE", requires_all = ["tls", "key_file"])]
    certificate_file: Option<String>,
    /// Private key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    key_file: Option<String>,
    /// Further property of librdkafka, as its CONFIGURATION.md lists them; may be repeated
    #[arg(long = "property", short = 'X', value_name = "NAME=VALUE")]
    properties: Vec<String>,
    /// File of such properties, one NAME=VALUE a line, # for remarks; may hold secrets if only
    /// its owner can read it
    #[arg(long, value_name = "FILE")]
    client_config: Option<PathBuf>,
}

impl ConnectionArgs {
    /// The settings as the client crate takes them.
    pub(crate) fn connection(&self, bootstrap_server: &str) -> Result<Connection> {
        let mut properties = BTreeMap::new();
        if let Some(path) = &self.client_config {
            let text = files::read_text(path)?;
            for line in text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                let (name, value) =
                    property(line).with_context(|| format!("in {}", path.display()))?;
                if SECRET_PROPERTIES.contains(&name.as_str()) {
                    files::ensure_private(path)?;
                }
                properties.insert(name, value);
            }
        }
        for text in &self.properties {
            let (name, value) = property(text)?;
            if SECRET_PROPERTIES.contains(&name.as_str()) {
                return Err(Coded::error(
                    Exit::Usage,
                    format!(
                        "{name} is secret and does not belong on a command line: use --password-file, or --client-config FILE"
                    ),
                ));
            }
            properties.insert(name, value);
        }
        let sasl = self.sasl()?;
        let tls = self.tls.then(|| Tls {
            ca_file: self.ca_file.clone(),
            certificate_file: self.certificate_file.clone(),
            key_file: self.key_file.clone(),
        });
        let security = match (sasl, tls) {
            (None, None) => Security::Plaintext,
            (Some(sasl), None) => Security::SaslPlaintext(sasl),
            (None, Some(tls)) => Security::Tls(tls),
            (Some(sasl), Some(tls)) => Security::SaslTls(sasl, tls),
        };
        // A file may speak for itself about security; what stands in it wins.
        Ok(Connection { bootstrap_servers: bootstrap_server.to_owned(), security, properties })
    }

    fn sasl(&self) -> Result<Option<Sasl>> {
        let Some(user) = self.user.clone() else { return Ok(None) };
        let file = self.password_file.as_deref();
        let password = match keys::secret_without_asking(file, PASSWORD_VARIABLE)? {
            Some(password) => password,
            None => {
                let prompt = format!("Password of {user}: ");
                keys::ask_once(&prompt, "--password-file FILE", PASSWORD_VARIABLE)
                    .context("--user needs a password")?
            }
        };
        let mechanism = match self.mechanism {
            Mechanism::Plain => SaslMechanism::Plain,
            Mechanism::ScramSha256 => SaslMechanism::ScramSha256,
            Mechanism::ScramSha512 => SaslMechanism::ScramSha512,
        };
        Ok(Some(Sasl { mechanism, user, password }))
    }
}

fn property(text: &str) -> Result<(String, String)> {
    let parts = text.split_once('=');
    ensure!(
        parts.is_some_and(|(name, _)| !name.trim().is_empty()),
        Coded::error(Exit::Usage, "a property has the form NAME=VALUE, as in -X linger.ms=20")
    );
    let (name, value) = parts.unwrap_or_default();
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
