//! TLS on both sides of the gateway: rustls with ring, TLS 1.2 and 1.3.
//!
//! Certificates and keys are PEM files. Put [`server_config`] and [`client_config`] into a
//! [`Reloadable`](super::reload::Reloadable) to renew them under way: a new configuration comes with a new
//! session cache, so nothing that the old one admitted is resumed under it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{
        ClientCertVerifierBuilder, NoServerSessionStorage, WebPkiClientVerifier,
        danger::ClientCertVerifier,
    },
};

use super::private_file::{self, PrivateFileError};

/// A certificate chain, leaf first, and the leaf's private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// PEM: the leaf, then its issuers, without the root.
    pub certificates: PathBuf,
    /// PEM: the key as PKCS#8, SEC 1 or PKCS#1, not encrypted, mode 0600.
    pub key: PathBuf,
}

/// Whether clients present certificates, and whose are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// Clients are not asked.
    None,
    /// Clients are asked; one without a certificate is let in, to identify itself by SASL.
    Requested {
        /// PEM: the authorities for client certificates.
        authorities: PathBuf,
    },
    /// Clients without a valid certificate are turned away.
    Required {
        /// PEM: the authorities for client certificates.
        authorities: PathBuf,
    },
}

/// Why TLS could not be set up. Configuration errors, all of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A key cannot be read, or others can read it too.
    #[error(transparent)]
    Key(#[from] PrivateFileError),
    /// A certificate file cannot be read.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file is no PEM, or its PEM is damaged.
    #[error("{path}: {problem}", path = path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A private key is encrypted with a passphrase.
    #[error(
        "{path} is encrypted; decrypt it with `openssl pkey -in {path} -out KEY.pem`, then `chmod 600 KEY.pem`",
        path = path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in a file of authorities cannot be one.
    #[error("{path}: certificate {number} cannot be an authority: {error}", path = path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// What rustls said.
        error: rustls::Error,
    },
    /// Chain and key cannot be used together.
    #[error("{certificates} with {key}: {error}", certificates = identity.certificates.display(), key = identity.key.display())]
    Identity {
        /// The two files.
        identity: Identity,
        /// What rustls said.
        error: rustls::Error,
    },
    /// The verifier of client certificates cannot be built.
    #[error("{path}: {error}", path = path.display())]
    Verifier {
        /// The file of authorities.
        path: PathBuf,
        /// What rustls said.
        error: rustls::server::VerifierBuilderError,
    },
    /// A bug of ours: ring offers no suite for TLS 1.2 and 1.3.
    #[error("TLS: {0}")]
    Provider(rustls::Error),
}

/// Build the configuration of a listener.
///
/// Sessions are not resumed where clients present certificates: a resumption does not look at the
/// certificate again, so an expired one would go on working.
///
/// # Errors
/// [`TlsError`], which names the file. Cost: reads files, so not for the reactor.
pub fn server_config(
    identity: &Identity,
    client_auth: &ClientAuth,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?;
    let builder = match client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Requested { authorities } => builder
            .with_client_cert_verifier(verifier(authorities, |verifier| {
                verifier.allow_unauthenticated()
            })?),
        ClientAuth::Required { authorities } => {
            builder.with_client_cert_verifier(verifier(authorities, |verifier| verifier)?)
        }
    };
    let (chain, key) = load(identity)?;
    let mut config = builder.with_single_cert(chain, key).map_err(mismatch(identity))?;
    if *client_auth != ClientAuth::None {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// Build the configuration for connections to brokers.
///
/// Only the authorities named here are believed. (To believe the system's, name their file, such as
/// `/etc/ssl/certs/ca-certificates.crt`.) The broker's name is checked against its certificate, always.
///
/// # Errors
/// [`TlsError`], which names the file. Cost: reads files, so not for the reactor.
pub fn client_config(
    authorities: &Path,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_root_certificates(self::authorities(authorities)?);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = load(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(mismatch(identity))?
        }
    };
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verifier(
    path: &Path,
    adjust: impl FnOnce(ClientCertVerifierBuilder) -> ClientCertVerifierBuilder,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = Arc::new(authorities(path)?);
    adjust(WebPkiClientVerifier::builder_with_provider(roots, provider()))
        .build()
        .map_err(|error| TlsError::Verifier { path: path.to_owned(), error })
}

fn mismatch(identity: &Identity) -> impl FnOnce(rustls::Error) -> TlsError {
    let identity = identity.clone();
    move |error| TlsError::Identity { identity, error }
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(certificates(path)?) {
        roots.add(certificate).map_err(|error| TlsError::Authority {
            path: path.to_owned(),
            number,
            error,
        })?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes =
        std::fs::read(path).map_err(|error| TlsError::Io { path: path.to_owned(), error })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(TlsError::Pem {
            path: path.to_owned(),
            problem: "no PEM certificate (`openssl x509 -inform der` converts DER)",
        }),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::Pem { path: path.to_owned(), problem: problem(&error) }),
    }
}

fn load(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(&identity.certificates)?;
    let path = &identity.key;
    let bytes = private_file::read(path)?;
    let key = match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => key,
        // PKCS#8 says so in its label, the older forms in a header line.
        Err(_) if bytes.windows(9).any(|w| w == b"ENCRYPTED") => {
            return Err(TlsError::EncryptedKey { path: path.clone() });
        }
        Err(pem::Error::NoItemsFound) => {
            return Err(TlsError::Pem { path: path.clone(), problem: "no PEM private key" });
        }
        Err(error) => {
            return Err(TlsError::Pem { path: path.clone(), problem: problem(&error) });
        }
    };
    Ok((chain, key))
}

/// The error's own text quotes the file, which may be a key.
fn problem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM section without its END line",
        pem::Error::IllegalSectionStart { .. } => "a damaged BEGIN line",
        pem::Error::Base64Decode(_) => "a PEM section that is not base64",
        _ => "not PEM",
    }
}

#[cfg(test)]
mod tests;
