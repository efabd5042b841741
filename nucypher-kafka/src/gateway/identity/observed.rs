//! SASL passed through to the broker and read along.
//!
//! The client says who it is in its first token; that is believed once the broker says that the exchange
//! succeeded. So the connection to the broker must be authenticated (TLS), and whatever is read here must
//! be read as the broker reads it, or refused: the strict parsers of the gateway's own server serve for
//! that. A broker that maps names (a principal builder, mapping rules) gives the client another principal
//! than this one.

use std::fmt;

use super::{
    bearer::Reading,
    principal::Principal,
    sasl::{ClientFirst, Mechanism, SaslError, Transport, check_len, plain_message},
};

/// One exchange that is watched. Make one when the broker accepted SaslHandshake for the mechanism.
pub struct Observed {
    mechanism: Mechanism,
    known_as: Option<Principal>,
    reading: Reading,
    state: State,
}

enum State {
    /// The client's turn, for the first time.
    First,
    /// The broker's turn; after its answer the exchange is over, or goes on.
    Answer {
        claimed: Principal,
        last: bool,
    },
    /// The client's turn, for the second time (SCRAM).
    Second {
        claimed: Principal,
    },
    /// The broker has said why it does not believe the token; the client acknowledges that (RFC 7628, 3.2.3).
    Rejected,
    /// The broker's turn, to refuse.
    Refusal,
    Over,
}

/// What the broker's answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Observation {
    /// Nothing yet.
    Continue,
    /// The broker refused; the client may not go on.
    Refused,
    /// The client is who it said.
    Done(Principal),
}

impl Observed {
    /// Begin to watch.
    ///
    /// # Errors
    /// [`SaslError::NeedsTls`] where the client's side of the connection is in the clear.
    pub fn new(mechanism: Mechanism, transport: Transport) -> Result<Self, SaslError> {
        mechanism.check_transport(transport)?;
        Ok(Self { mechanism, known_as: None, reading: Reading::default(), state: State::First })
    }

    /// Accept only this principal: for a re-authentication (KIP-368).
    #[must_use]
    pub fn known_as(mut self, principal: Principal) -> Self {
        self.known_as = Some(principal);
        self
    }

    /// Read OAUTHBEARER tokens so.
    #[must_use]
    pub fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }

    /// Read a token of the client, before it is passed on. On an error do not pass it on: the broker might
    /// believe what was not understood here.
    ///
    /// # Errors
    /// [`SaslError`]; the exchange is over then.
    pub fn client_token(&mut self, token: &[u8]) -> Result<(), SaslError> {
        let state = std::mem::replace(&mut self.state, State::Over);
        check_len(token)?;
        self.state = match state {
            State::First => {
                let (claimed, last) = match self.mechanism {
                    Mechanism::Plain => (Principal::user(plain_message(token)?.0)?, true),
                    Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
                        (Principal::user(&ClientFirst::parse(token)?.user)?, false)
                    }
                    Mechanism::OAuthBearer => (self.reading.claimed(token)?, true),
                };
                if self.known_as.as_ref().is_some_and(|known_as| *known_as != claimed) {
                    return Err(SaslError::PrincipalChanged);
                }
                State::Answer { claimed, last }
            }
            State::Second { claimed } => State::Answer { claimed, last: true },
            State::Rejected if token == b"\x01" => State::Refusal,
            State::Rejected => return Err(SaslError::Malformed("OAUTHBEARER: acknowledgement")),
            State::Answer { .. } | State::Refusal | State::Over => {
                return Err(SaslError::OutOfOrder);
            }
        };
        Ok(())
    }

    /// Read the broker's answer: token and error code of SaslAuthenticate.
    ///
    /// # Errors
    /// [`SaslError`]; the exchange is over then.
    pub fn broker_token(
        &mut self,
        token: &[u8],
        error_code: i16,
    ) -> Result<Observation, SaslError> {
        let state = std::mem::replace(&mut self.state, State::Over);
        if matches!(state, State::Answer { .. } | State::Refusal) && error_code != 0 {
            return Ok(Observation::Refused);
        }
        let State::Answer { claimed, last } = state else {
            return Err(SaslError::OutOfOrder);
        };
        check_len(token)?;
        if !last {
            self.state = State::Second { claimed };
            return Ok(Observation::Continue);
        }
        // With OAUTHBEARER success is an empty token; a challenge says why the token is refused.
        if self.mechanism == Mechanism::OAuthBearer && !token.is_empty() {
            self.state = State::Rejected;
            return Ok(Observation::Continue);
        }
        // Kafka reports a refusal by its error code; `e=` beside code 0 would be a contradiction.
        if self.mechanism.hash().is_some() && !token.starts_with(b"v=") {
            return Err(SaslError::Malformed("SCRAM server-final: signature"));
        }
        Ok(Observation::Done(claimed))
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
