//! SASL ended at the gateway: the server's side.
//!
//! An unknown user takes the same steps as a known one, against a credential made up from a key and the
//! name (`Users::lookup`): same messages, same work, and at the end the same answer.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{
    Mechanism, SaslError, Transport, check_len, nonce,
    scram::{ClientFinal, ClientFirst, auth_message},
};
use crate::gateway::identity::{
    credential::ScramCredential, password::Password, principal::Principal, users::Users,
};

/// One exchange with one client.
pub struct SaslServer {
    mechanism: Mechanism,
    users: Arc<Users>,
    /// Who the connection already belongs to, at a re-authentication.
    known_as: Option<Principal>,
    /// Our half of the SCRAM nonce.
    nonce: String,
    state: State,
}

enum State {
    First,
    ScramFinal(Box<ScramExchange>),
    Over,
}

/// What comes after a token of the client.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this token; another one of the client follows.
    Continue(Vec<u8>),
    /// A password came in: run [`PasswordCheck::run`] on a blocking pool.
    Check(PasswordCheck),
    /// The client is who it says.
    Done {
        /// Who it is.
        principal: Principal,
        /// The last token to send, which may be empty.
        token: Vec<u8>,
    },
}

impl SaslServer {
    /// Begin an exchange, after SaslHandshake named the mechanism.
    ///
    /// # Errors
    /// [`SaslError::NeedsTls`] where the mechanism must not run over this transport;
    /// [`SaslError::Random`].
    pub fn start(
        mechanism: Mechanism,
        users: Arc<Users>,
        transport: Transport,
    ) -> Result<Self, SaslError> {
        mechanism.check_transport(transport)?;
        if mechanism == Mechanism::OAuthBearer {
            // Tokens are checked against keys, not against users.
            return Err(SaslError::UnsupportedMechanism { name: mechanism.name().to_owned() });
        }
        Ok(Self { mechanism, users, known_as: None, nonce: nonce()?, state: State::First })
    }

    /// Accept only this principal: for a re-authentication (KIP-368).
    #[must_use]
    pub fn known_as(mut self, principal: Principal) -> Self {
        self.known_as = Some(principal);
        self
    }

    #[cfg(test)]
    pub(super) fn with_nonce(mut self, nonce: &str) -> Self {
        self.nonce = nonce.to_owned();
        self
    }

    /// Take the next token of the client.
    ///
    /// # Errors
    /// [`SaslError`]; the exchange is over then.
    ///
    /// # Cost
    /// SCRAM: a dozen HMACs. PLAIN: nothing here, and a PBKDF2 in [`PasswordCheck::run`].
    pub fn step(&mut self, token: &[u8]) -> Result<Step, SaslError> {
        let state = std::mem::replace(&mut self.state, State::Over);
        check_len(token)?;
        match (state, self.mechanism.hash()) {
            (State::First, None) => {
                let (name, password) = plain_message(token)?;
                let principal = self.admit(name)?;
                // A user is looked up for whichever hash it has; SHA-256 is the cheaper one.
                let (credential, known) = self.users.lookup_any(name);
                Ok(Step::Check(PasswordCheck { credential, known, password, principal }))
            }
            (State::First, Some(hash)) => {
                let first = ClientFirst::parse(token)?;
                let principal = self.admit(&first.user)?;
                let (credential, known) = self.users.lookup(hash, &first.user);
                let exchange =
                    ScramExchange::new(&first, credential, known, principal, &self.nonce);
                let reply = exchange.server_first.clone().into_bytes();
                self.state = State::ScramFinal(Box::new(exchange));
                Ok(Step::Continue(reply))
            }
            (State::ScramFinal(exchange), _) => exchange.finish(token),
            (State::Over, _) => Err(SaslError::OutOfOrder),
        }
    }

    fn admit(&self, name: &str) -> Result<Principal, SaslError> {
        let principal = Principal::user(name)?;
        match &self.known_as {
            Some(known_as) if *known_as != principal => Err(SaslError::PrincipalChanged),
            _ => Ok(principal),
        }
    }
}

impl fmt::Debug for SaslServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslServer").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// A SCRAM exchange between its two rounds.
struct ScramExchange {
    credential: ScramCredential,
    known: Choice,
    principal: Principal,
    client_first_bare: String,
    server_first: String,
    /// What the client must send as `c=`.
    channel_binding: String,
    /// The client's nonce and ours, joined.
    nonce: String,
}

impl ScramExchange {
    fn new(
        first: &ClientFirst<'_>,
        credential: ScramCredential,
        known: Choice,
        principal: Principal,
        server_nonce: &str,
    ) -> Self {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let salt = STANDARD.encode(&credential.salt);
        Self {
            server_first: format!("r={nonce},s={salt},i={}", credential.iterations),
            credential,
            known,
            principal,
            client_first_bare: first.bare.to_owned(),
            channel_binding: STANDARD.encode(first.gs2_header),
            nonce,
        }
    }

    /// ```text
    /// ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage)        H(ClientKey) = StoredKey?
    /// ```
    fn finish(self, token: &[u8]) -> Result<Step, SaslError> {
        let message = ClientFinal::parse(token)?;
        if message.nonce != self.nonce {
            return Err(SaslError::Malformed("SCRAM client-final: nonce"));
        }
        if message.channel_binding != self.channel_binding {
            return Err(SaslError::Malformed("SCRAM client-final: channel binding"));
        }
        let ScramCredential { hash, stored_key, server_key, .. } = &self.credential;
        if message.proof.len() != hash.size() {
            return Err(SaslError::Malformed("SCRAM client-final: proof"));
        }
        let auth_message =
            auth_message(&self.client_first_bare, &self.server_first, message.without_proof);
        // The signature becomes the ClientKey in place.
        let mut client_key = hash.hmac(stored_key, &[auth_message.as_bytes()]);
        for (key, proof) in client_key.iter_mut().zip(&message.proof) {
            *key ^= proof;
        }
        let proven = hash.digest(&client_key).ct_eq(stored_key) & self.known;
        let signature = hash.hmac(server_key, &[auth_message.as_bytes()]);
        if !bool::from(proven) {
            return Err(SaslError::Denied);
        }
        let token = format!("v={}", STANDARD.encode(&*signature)).into_bytes();
        Ok(Step::Done { principal: self.principal, token })
    }
}

/// A password to be checked.
#[must_use]
pub struct PasswordCheck {
    credential: ScramCredential,
    known: Choice,
    password: Password,
    principal: Principal,
}

impl PasswordCheck {
    /// Check the password: gives [`Step::Done`].
    ///
    /// # Errors
    /// [`SaslError::Denied`].
    ///
    /// # Cost
    /// One PBKDF2, also for an unknown user: 0.7 ms at 8192 iterations of SHA-256 and 2.3 ms of
    /// SHA-512 ([`ScramCredential::from_password`]). Whoever can connect can ask for it, so run it on a
    /// pool of bounded size.
    pub fn run(self) -> Result<Step, SaslError> {
        let proven = self.credential.matches(&self.password) & self.known;
        if !bool::from(proven) {
            return Err(SaslError::Denied);
        }
        Ok(Step::Done { principal: self.principal, token: Vec::new() })
    }
}

impl fmt::Debug for PasswordCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCheck").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// `[authzid] NUL authcid NUL passwd`, RFC 4616: the user's name and password.
pub(in super::super) fn plain_message(token: &[u8]) -> Result<(&str, Password), SaslError> {
    let text = std::str::from_utf8(token).map_err(|_| SaslError::Malformed("PLAIN: not UTF-8"))?;
    let mut parts = text.split('\0');
    let (Some(authzid), Some(name), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed("PLAIN: not three parts"));
    };
    if !authzid.is_empty() && authzid != name {
        return Err(SaslError::AuthorizationId);
    }
    let password = Password::new(Zeroizing::new(password.to_owned()))
        .map_err(|_| SaslError::Malformed("PLAIN: password empty or too long"))?;
    Ok((name, password))
}
