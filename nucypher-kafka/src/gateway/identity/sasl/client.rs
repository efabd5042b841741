//! SASL toward brokers: the gateway's own credential.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    Mechanism, SaslError, Transport, check_len, nonce,
    scram::{ServerFirst, auth_message, escape, parse_server_final, text},
};
use crate::gateway::identity::{
    credential::{ClientKeys, ScramCredential, ScramHash, Secret},
    password::Password,
    principal::{Principal, PrincipalError},
};

/// A name and a password at the brokers, shared by all connections that use them.
///
/// It keeps the keys of the last SCRAM salt (RFC 5802, section 5.1, allows it), so that PBKDF2 runs once
/// and not once a connection.
pub struct Account {
    name: String,
    password: Password,
    derived: Mutex<Option<Derived>>,
}

struct Derived {
    hash: ScramHash,
    salt: Vec<u8>,
    iterations: u32,
    keys: ClientKeys,
}

impl Account {
    /// Take a name and its password.
    ///
    /// # Errors
    /// [`PrincipalError`] where the name cannot be one.
    pub fn new(name: impl Into<String>, password: Password) -> Result<Self, PrincipalError> {
        let name = name.into();
        Principal::user(&name)?;
        Ok(Self { name, password, derived: Mutex::new(None) })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn keys(&self, hash: ScramHash, salt: &[u8], iterations: u32) -> ClientKeys {
        // Held while deriving, so that a burst of connections derives once. A poisoned lock holds
        // either old keys or new ones, both whole.
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        match &*derived {
            Some(d) if d.hash == hash && d.salt == salt && d.iterations == iterations => {
                d.keys.clone()
            }
            _ => {
                let keys = ClientKeys::derive(hash, &self.password, salt, iterations);
                *derived =
                    Some(Derived { hash, salt: salt.to_vec(), iterations, keys: keys.clone() });
                keys
            }
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One exchange with one broker.
pub struct SaslClient {
    mechanism: Mechanism,
    account: Arc<Account>,
    state: State,
}

enum State {
    Begin,
    PlainSent,
    FirstSent { client_first_bare: String, nonce: String },
    FinalSent { signature: Secret },
    Over,
}

/// What comes after a token of the broker.
#[must_use]
pub enum ClientStep {
    /// Send this token. With PLAIN it holds the password.
    Send(Zeroizing<Vec<u8>>),
    /// The broker accepted, and with SCRAM proved that it has the credential.
    Done,
}

impl SaslClient {
    /// Begin an exchange, after SaslHandshake named the mechanism.
    ///
    /// # Errors
    /// [`SaslError::NeedsTls`] where the mechanism must not run over this transport.
    pub fn new(
        mechanism: Mechanism,
        account: Arc<Account>,
        transport: Transport,
    ) -> Result<Self, SaslError> {
        mechanism.check_transport(transport)?;
        Ok(Self { mechanism, account, state: State::Begin })
    }

    /// Take the next token of the broker; the first time an empty one, for the client begins. Call it only
    /// with tokens of a response whose error code is 0.
    ///
    /// # Errors
    /// [`SaslError`]; the exchange is over then.
    ///
    /// # Cost
    /// A few microseconds, but for one PBKDF2 whenever the broker's salt is not that of last time
    /// (a millisecond or two, and at most [`ScramCredential::MAX_ITERATIONS`] HMACs): run it on a blocking pool.
    pub fn step(&mut self, token: &[u8]) -> Result<ClientStep, SaslError> {
        let state = std::mem::replace(&mut self.state, State::Over);
        check_len(token)?;
        match state {
            State::Begin if !token.is_empty() => Err(SaslError::OutOfOrder),
            State::Begin => self.begin(),
            State::PlainSent if token.is_empty() => Ok(ClientStep::Done),
            State::PlainSent => Err(SaslError::Malformed("PLAIN: the broker answers with a token")),
            State::FirstSent { client_first_bare, nonce } => {
                self.prove(token, &client_first_bare, &nonce)
            }
            State::FinalSent { signature } => {
                let theirs = parse_server_final(token)?;
                if bool::from(theirs.ct_eq(&signature)) {
                    Ok(ClientStep::Done)
                } else {
                    Err(SaslError::ServerSignature)
                }
            }
            State::Over => Err(SaslError::OutOfOrder),
        }
    }

    fn begin(&mut self) -> Result<ClientStep, SaslError> {
        if self.mechanism.hash().is_some() {
            return Ok(self.begin_scram(nonce()?));
        }
        let (name, password) = (self.account.name.as_bytes(), self.account.password.as_bytes());
        self.state = State::PlainSent;
        let len = name.len().saturating_add(password.len()).saturating_add(2);
        let mut token = Zeroizing::new(Vec::with_capacity(len));
        token.push(0);
        token.extend_from_slice(name);
        token.push(0);
        token.extend_from_slice(password);
        Ok(ClientStep::Send(token))
    }

    pub(super) fn begin_scram(&mut self, nonce: String) -> ClientStep {
        let client_first_bare = format!("n={},r={nonce}", escape(&self.account.name));
        let token = format!("n,,{client_first_bare}").into_bytes();
        self.state = State::FirstSent { client_first_bare, nonce };
        ClientStep::Send(Zeroizing::new(token))
    }

    /// ```text
    /// ClientProof = ClientKey XOR HMAC(H(ClientKey), AuthMessage)
    /// ```
    fn prove(
        &mut self,
        token: &[u8],
        client_first_bare: &str,
        nonce: &str,
    ) -> Result<ClientStep, SaslError> {
        let Some(hash) = self.mechanism.hash() else {
            return Err(SaslError::OutOfOrder);
        };
        let server_first = text(token)?;
        let message = ServerFirst::parse(server_first)?;
        if message.nonce.strip_prefix(nonce).is_none_or(str::is_empty) {
            return Err(SaslError::Malformed("SCRAM server-first: nonce"));
        }
        let iterations = u32::try_from(message.iterations)
            .ok()
            .filter(|i| {
                (ScramCredential::MIN_ITERATIONS..=ScramCredential::MAX_ITERATIONS).contains(i)
            })
            .ok_or(SaslError::Iterations(message.iterations))?;
        let ClientKeys { mut client_key, server_key } =
            self.account.keys(hash, &message.salt, iterations);

        // biws is base64 of the GS2 header `n,,`.
        let without_proof = format!("c=biws,r={}", message.nonce);
        let auth_message = auth_message(client_first_bare, server_first, &without_proof);
        let stored_key = hash.digest(&client_key);
        let client_signature = hash.hmac(&stored_key, &[auth_message.as_bytes()]);
        for (key, signature) in client_key.iter_mut().zip(client_signature.iter()) {
            *key ^= signature;
        }
        let signature = hash.hmac(&server_key, &[auth_message.as_bytes()]);
        self.state = State::FinalSent { signature };
        let token = format!("{without_proof},p={}", STANDARD.encode(&*client_key)).into_bytes();
        Ok(ClientStep::Send(Zeroizing::new(token)))
    }
}

impl fmt::Debug for SaslClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslClient").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(_) => "Send(..)",
            Self::Done => "Done",
        })
    }
}
