//! Who a client is.
//!
//! | way | module | what is trusted |
//! | --- | --- | --- |
//! | SASL ended at the gateway | [`SaslServer`] against [`Users`] | the users file |
//! | SASL passed through | [`Observed`] | the broker's answer, over an authenticated upstream |
//! | client certificate | [`mtls`] | the authorities that the listener names |
//!
//! All of it is bytes in and bytes out; the caller moves the bytes, enforces order and lifetimes
//! (KIP-368), and runs what is costly on a blocking pool. `docs/identity.md` is the user's view.

mod credential;
mod fuzz;
pub mod mtls;
mod observed;
mod password;
mod principal;
mod sasl;
pub mod users;

pub use credential::{CredentialError, ScramCredential, ScramHash};
#[doc(hidden)]
pub use fuzz::{fuzz_sasl, fuzz_texts};
pub use observed::{Observation, Observed};
pub use password::{Password, PasswordError};
pub use principal::{Principal, PrincipalError};
pub use sasl::{
    Account, ClientStep, MAX_TOKEN_LEN, Mechanism, PasswordCheck, SaslClient, SaslError,
    SaslServer, Step, Transport,
};
pub use users::{User, Users, UsersError};
