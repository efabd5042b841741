//! Who a client is.
//!
//! | way | module | what is trusted |
//! | --- | --- | --- |
//! | SASL ended at the gateway | [`SaslServer`] against [`Users`] | the users file |
//! | OAUTHBEARER ended at the gateway | [`Bearer`] | the keys of the token's issuer |
//! | SASL passed through | [`Observed`] | the broker's answer, over an authenticated upstream |
//! | client certificate | [`mtls`] | the authorities that the listener names |
//!
//! All of it is bytes in and bytes out; the caller moves the bytes, enforces order and lifetimes
//! (KIP-368), and runs what is costly on a blocking pool. `docs/identity.md` is the user's view.

mod bearer;
mod credential;
mod fuzz;
mod jwt;
pub mod mapping;
pub mod mtls;
mod observed;
mod password;
mod principal;
mod sasl;
pub mod users;

#[cfg(test)]
pub(in crate::gateway) use bearer::tests as bearer_fixture;
pub use bearer::{Accepted, Bearer, Reading};
pub use credential::{CredentialError, ScramCredential, ScramHash};
#[doc(hidden)]
pub use fuzz::{fuzz_sasl, fuzz_texts};
pub use jwt::{JwksError, KeySet, TokenError};
pub use mapping::{MappingRules, MappingRulesError};
pub use observed::{Observation, Observed};
pub use password::{Password, PasswordError};
pub use principal::{Principal, PrincipalError};
pub use sasl::{
    Account, ClientStep, MAX_TOKEN_LEN, Mechanism, PasswordCheck, SaslClient, SaslError,
    SaslServer, Step, Transport,
};
pub use users::{User, Users, UsersError};
