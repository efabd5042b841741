//! SASL as Kafka speaks it (KIP-12, KIP-84, KIP-152): mechanisms, steps and errors that both sides share.
//!
//! All of it is tokens in and tokens out: what stands in `auth_bytes` of SaslAuthenticate.

mod client;
mod scram;
mod server;

pub use client::{Account, ClientStep, SaslClient};
pub(super) use scram::ClientFirst;
pub(super) use server::plain_message;
pub use server::{PasswordCheck, SaslServer, Step};

use std::{fmt, net::IpAddr, str::FromStr};

use super::{credential::ScramHash, jwt::TokenError, principal::PrincipalError};

/// The longest SASL token that is looked at, in bytes. A SCRAM message has a few hundred; a PLAIN message
/// is that long where the password is a token of a hosted Kafka.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// PLAIN (RFC 4616): the password itself goes over the wire.
    Plain,
    /// SCRAM-SHA-256 (RFC 5802, RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-512.
    ScramSha512,
    /// OAUTHBEARER (RFC 7628): a signed token.
    OAuthBearer,
}

impl Mechanism {
    /// All that are supported.
    pub const ALL: [Self; 4] =
        [Self::ScramSha512, Self::ScramSha256, Self::Plain, Self::OAuthBearer];

    /// Those in which a user has a password.
    pub const PASSWORDS: [Self; 3] = [Self::ScramSha512, Self::ScramSha256, Self::Plain];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// The hash of a SCRAM mechanism.
    pub const fn hash(self) -> Option<ScramHash> {
        match self {
            Self::Plain | Self::OAuthBearer => None,
            Self::ScramSha256 => Some(ScramHash::Sha256),
            Self::ScramSha512 => Some(ScramHash::Sha512),
        }
    }

    /// Whether tokens of this mechanism may go over such a transport.
    ///
    /// PLAIN shows the password and OAUTHBEARER the token to whoever listens, SCRAM enough to guess it offline; neither ties
    /// the connection's later bytes to the client.
    ///
    /// # Errors
    /// [`SaslError::NeedsTls`].
    pub fn check_transport(self, transport: Transport) -> Result<(), SaslError> {
        match transport {
            Transport::Tls | Transport::Loopback => Ok(()),
            Transport::Clear => Err(SaslError::NeedsTls { mechanism: self }),
        }
    }
}

/// Parses the name on the wire, exactly.
impl FromStr for Mechanism {
    type Err = SaslError;

    fn from_str(name: &str) -> Result<Self, SaslError> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name).ok_or_else(|| {
            SaslError::UnsupportedMechanism { name: name.escape_debug().take(32).collect() }
        })
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What lies between the two ends of a SASL exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS, with the server authenticated.
    Tls,
    /// A loopback address: the bytes do not leave the machine.
    Loopback,
    /// A network without TLS.
    Clear,
}

impl Transport {
    /// TLS where there is a TLS session, otherwise by the peer's address.
    pub fn new(tls: bool, peer: IpAddr) -> Self {
        if tls {
            Self::Tls
        } else if peer.to_canonical().is_loopback() {
            Self::Loopback
        } else {
            Self::Clear
        }
    }
}

/// Why an exchange came to nothing. No text here holds a secret or tells whether a user exists, so it may
/// be sent to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// Peer: a mechanism that is not supported here.
    #[error(
        "SASL mechanism {name} is not supported; supported are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER"
    )]
    UnsupportedMechanism {
        /// Its name, escaped, at most 32 characters.
        name: String,
    },
    /// Peer or configuration: a mechanism that shows a password or a token, over a network in the clear.
    #[error("{mechanism} needs TLS, except on a loopback address")]
    NeedsTls {
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// Peer: a token longer than [`MAX_TOKEN_LEN`].
    #[error("a SASL token of {len} bytes; at most {MAX_TOKEN_LEN} are allowed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Peer: a token that is not what the mechanism's grammar says.
    #[error("malformed SASL message: {0}")]
    Malformed(&'static str),
    /// Peer: a token where none was due, or after the end of the exchange.
    #[error("a SASL token out of order")]
    OutOfOrder,
    /// Peer: unknown user or wrong password, never said which.
    #[error("authentication failed: unknown user or wrong password")]
    Denied,
    /// Peer: a token that is not believed.
    #[error("authentication failed: {0}")]
    Token(#[from] TokenError),
    /// Peer: an authorization id that is not the user's own name.
    #[error("the authorization id differs from the user name; leave it empty")]
    AuthorizationId,
    /// Peer: a delegation token (`tokenauth`), which says who acts for whom only to the broker.
    #[error("delegation tokens are not accepted as an identity here; log in as a user")]
    DelegationToken,
    /// Peer: channel binding, which was not offered (there is no SCRAM-..-PLUS in Kafka).
    #[error("SCRAM channel binding is not supported; use the mechanism without -PLUS")]
    ChannelBinding,
    /// Peer: a user name that cannot be a principal.
    #[error("user name: {0}")]
    UserName(#[from] PrincipalError),
    /// Peer: a re-authentication (KIP-368) as somebody else.
    #[error("a re-authentication may not change the principal")]
    PrincipalChanged,
    /// Broker: it refused the gateway's or the client's credential.
    #[error("the broker refused the authentication")]
    Refused,
    /// Broker: it does not know the password either, so it is not who it says it is.
    #[error(
        "the broker's SCRAM signature is wrong: it is not the server that has this user's credential"
    )]
    ServerSignature,
    /// Broker: an iteration count that is not believed.
    #[error("the broker asks for {0} SCRAM iterations; from {min} to {max} are accepted", min = super::ScramCredential::MIN_ITERATIONS, max = super::ScramCredential::MAX_ITERATIONS)]
    Iterations(u64),
    /// System: no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

impl SaslError {
    /// The Kafka error code for the client: 33 UNSUPPORTED_SASL_MECHANISM, 34 ILLEGAL_SASL_STATE or
    /// 58 SASL_AUTHENTICATION_FAILED.
    pub const fn kafka_code(&self) -> i16 {
        match self {
            Self::UnsupportedMechanism { .. } | Self::NeedsTls { .. } => 33,
            Self::OutOfOrder => 34,
            Self::TooLong { .. }
            | Self::Malformed(_)
            | Self::Denied
            | Self::Token(_)
            | Self::AuthorizationId
            | Self::DelegationToken
            | Self::ChannelBinding
            | Self::UserName(_)
            | Self::PrincipalChanged
            | Self::Refused
            | Self::ServerSignature
            | Self::Iterations(_)
            | Self::Random => 58,
        }
    }
}

pub(super) fn check_len(token: &[u8]) -> Result<(), SaslError> {
    if token.len() > MAX_TOKEN_LEN {
        return Err(SaslError::TooLong { len: token.len() });
    }
    Ok(())
}

/// A SCRAM nonce: 18 random bytes (144 bits) as 24 base64 characters.
fn nonce() -> Result<String, SaslError> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|_| SaslError::Random)?;
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests;
