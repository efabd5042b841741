//! How a session learns who its client is, and what it may do before and after.
//!
//! SASL tokens pass through here. They are never printed, kept or put into an error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_flight::Expect;
use super::requests::Request;
use super::{ClientFault, Fault, Now, Principal, SaslError, SaslStep, Session, Step, Work};
use crate::gateway::fault::BrokerFault;
use crate::gateway::identity::{
    Bearer, Mechanism, Observation, Observed, Reading, SaslServer, Transport, Users, UsersError,
};
use crate::gateway::reload::Reloadable;
use crate::protocol::api_versions::Range;
use crate::protocol::frame;
use crate::protocol::sasl::{self, Authenticated};
use crate::protocol::table::{Api, key};

/// `ILLEGAL_SASL_STATE`: there is nothing to authenticate here, or not now.
const ILLEGAL_SASL_STATE: i16 = 34;
/// `UNSUPPORTED_VERSION`.
const UNSUPPORTED_VERSION: i16 = 35;

/// The largest request with a SASL token that is held, in bytes: a token of 16 KiB and its header.
pub(super) const SASL_REQUEST: usize = 64 * 1024;

/// How the client's identity comes about.
#[derive(Debug)]
pub enum Authentication {
    /// It is known from the start: by the listener, or by the client's certificate.
    Known(Principal),
    /// SASL ends at the gateway.
    Ended(Ended),
    /// SASL is passed through to the broker and watched.
    Watched(Watched),
}

/// SASL that ends at the gateway.
#[derive(Debug)]
pub struct Ended {
    settings: Arc<EndedSettings>,
    transport: Transport,
    /// What the broker speaks, for clients that ask before they are connected to it.
    ranges: Arc<[Range]>,
    exchange: Option<Exchange>,
    checked: Option<Result<SaslStep, SaslError>>,
    /// For how long the token holds that was just believed.
    token_left: Option<Duration>,
    known: Option<Known>,
    connected: bool,
}

/// An exchange of SASL that ends at the gateway.
#[derive(Debug)]
enum Exchange {
    /// Against the users.
    Password(SaslServer),
    /// A token against the keys of its issuer.
    Bearer,
}

/// What a listener says about SASL that ends at the gateway.
#[derive(Debug)]
pub struct EndedSettings {
    /// The users, for mechanisms with passwords.
    pub users: Option<Reloadable<Users, UsersError>>,
    /// Which tokens are believed, for OAUTHBEARER.
    pub bearer: Option<Bearer>,
    /// The mechanisms that are offered.
    pub mechanisms: Vec<Mechanism>,
    /// For how long an authentication holds; `None` for as long as the connection.
    pub lifetime: Option<Duration>,
}

/// SASL that is watched.
#[derive(Debug)]
pub struct Watched {
    transport: Transport,
    reading: Reading,
    asked: Option<Mechanism>,
    exchange: Option<Observed>,
    known: Option<Known>,
}

/// Who a client is, and until when that holds (KIP-368).
#[derive(Debug)]
struct Known {
    principal: Principal,
    expires: Option<Instant>,
}

impl Ended {
    /// A client that has not said anything yet, and what its broker speaks.
    #[must_use]
    pub fn new(settings: Arc<EndedSettings>, transport: Transport, ranges: Arc<[Range]>) -> Self {
        Self {
            settings,
            transport,
            ranges,
            exchange: None,
            checked: None,
            token_left: None,
            known: None,
            connected: false,
        }
    }
}

impl Watched {
    /// A client that has not said anything yet.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        let reading = Reading::default();
        Self { transport, reading, asked: None, exchange: None, known: None }
    }

    /// Reads OAUTHBEARER tokens so.
    #[must_use]
    pub fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }
}

impl Authentication {
    /// Who the client is, once that is known.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Known(principal) => Some(principal),
            Self::Ended(Ended { known, .. }) | Self::Watched(Watched { known, .. }) => {
                known.as_ref().map(|known| &known.principal)
            }
        }
    }

    fn is_expired(&self, now: Now) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Ended(Ended { known, .. }) | Self::Watched(Watched { known, .. }) => known
                .as_ref()
                .and_then(|known| known.expires)
                .is_some_and(|expires| expires <= now.instant),
        }
    }
}

impl Session {
    /// Whether the session has a broker, or needs none yet.
    pub(super) fn wants_broker(&self) -> bool {
        matches!(
            &self.authentication,
            Authentication::Ended(Ended { known: Some(_), connected: false, .. })
        )
    }

    /// Tells the session that [`Work::Connect`] is done.
    pub fn connected(&mut self) {
        if let Authentication::Ended(ended) = &mut self.authentication {
            ended.connected = true;
        }
    }

    /// Tells the session what [`Work::Check`] gave.
    pub fn checked(&mut self, result: Result<SaslStep, SaslError>) {
        if let Authentication::Ended(ended) = &mut self.authentication {
            ended.checked = Some(result);
        }
    }

    /// Refuses a request that must wait for authentication; `None` lets it pass.
    pub(super) fn admit(&mut self, api: &Api, now: Now) -> Result<Option<Step>, Fault> {
        if matches!(api.key, key::API_VERSIONS | key::SASL_HANDSHAKE | key::SASL_AUTHENTICATE) {
            return Ok(None);
        }
        if self.principal().is_none() {
            // The broker's last word on an authentication that is watched may be under way.
            return match self.in_flight.is_empty() {
                true => Err(ClientFault::Unauthenticated { api: api.name }.into()),
                false => Ok(Some(Step::Await(Work::OtherDirection))),
            };
        }
        match self.authentication.is_expired(now) {
            true if self.in_flight.is_empty() => Err(ClientFault::Expired.into()),
            // A new authentication may be under way.
            true => Ok(Some(Step::Await(Work::OtherDirection))),
            false => Ok(None),
        }
    }

    /// What an `ApiVersions` request is answered with before there is a broker.
    pub(super) fn ranges_before_broker(&self) -> Option<&[Range]> {
        match &self.authentication {
            Authentication::Ended(ended) if !ended.connected => Some(&ended.ranges),
            _ => None,
        }
    }

    /// Takes a whole `SaslHandshake` request.
    pub(super) fn handshake(&mut self, request: &Request<'_>) -> Result<Step, Fault> {
        let mechanism = request.read(sasl::walk_handshake_request)?;
        let offered = |settings: &EndedSettings| -> Vec<&'static str> {
            settings.mechanisms.iter().map(|mechanism| mechanism.name()).collect()
        };
        let answer = |code, mechanisms: Vec<&str>| {
            let (version, id) = (request.head.version, request.head.correlation_id);
            sasl::handshake_response(request.api, version, id, code, mechanisms.into_iter())
        };
        // In version 0 raw tokens follow, which nothing tells apart from requests.
        let refusal = (request.head.version == 0).then_some(UNSUPPORTED_VERSION);
        match &mut self.authentication {
            Authentication::Known(_) => {
                self.answer(request, answer(ILLEGAL_SASL_STATE, Vec::new()))
            }
            _ if refusal.is_some() => {
                let answer = answer(UNSUPPORTED_VERSION, Vec::new());
                let (api, version) = (request.api.name, request.head.version);
                self.closing = Some(ClientFault::UnsupportedVersion { api, version }.into());
                self.answer(request, answer)
            }
            Authentication::Ended(ended) => {
                let answer_with = |code| answer(code, offered(&ended.settings));
                match ended.begin(mechanism) {
                    Ok(exchange) => {
                        let answer = answer_with(0);
                        ended.exchange = Some(exchange);
                        self.answer(request, answer)
                    }
                    Err(error) => {
                        let answer = answer_with(error.kafka_code());
                        self.closing = Some(ClientFault::Sasl(error).into());
                        self.answer(request, answer)
                    }
                }
            }
            Authentication::Watched(_) if !self.in_flight.is_empty() => {
                Ok(Step::Await(Work::OtherDirection))
            }
            Authentication::Watched(watched) => {
                let begun = mechanism.parse().and_then(|mechanism| {
                    Observed::new(mechanism, watched.transport).map(|_| mechanism)
                });
                match begun {
                    Ok(mechanism) => {
                        watched.asked = Some(mechanism);
                        self.pass(request, Some(Expect::Watched))
                    }
                    Err(error) => {
                        let names = Mechanism::ALL.iter().map(|mechanism| mechanism.name());
                        let answer = answer(error.kafka_code(), names.collect());
                        self.closing = Some(ClientFault::Sasl(error).into());
                        self.answer(request, answer)
                    }
                }
            }
        }
    }

    /// Takes a whole `SaslAuthenticate` request.
    pub(super) fn authenticate(&mut self, request: &Request<'_>, now: Now) -> Result<Step, Fault> {
        let token = request.read(|body| sasl::walk_authenticate_request(request.frame, body))?;
        let answer = |code, token: &[u8], message: Option<&str>, lifetime: Option<Duration>| {
            let lifetime = lifetime.map_or(0, |lifetime| lifetime.as_millis());
            let answer = Authenticated {
                error_code: code,
                token,
                session_lifetime_ms: i64::try_from(lifetime).unwrap_or(i64::MAX),
            };
            let (version, id) = (request.head.version, request.head.correlation_id);
            sasl::authenticate_response(request.api, version, id, answer, message)
        };
        match &mut self.authentication {
            Authentication::Known(_) => {
                let message = "this listener does not authenticate by SASL";
                self.answer(request, answer(ILLEGAL_SASL_STATE, &[], Some(message), None))
            }
            Authentication::Ended(ended) => {
                let step = match ended.checked.take() {
                    Some(checked) => checked,
                    None => ended.step(token, now),
                };
                let bytes = match step {
                    Ok(SaslStep::Check(check)) => return Ok(Step::Await(Work::Check(check))),
                    Ok(SaslStep::Continue(token)) => answer(0, &token, None, None),
                    Ok(SaslStep::Done { principal, token }) => {
                        let own = ended.settings.lifetime;
                        let left = ended.token_left.take();
                        // A token's end is the session's end (KIP-368).
                        let lifetime = own.into_iter().chain(left).min();
                        let expires =
                            lifetime.and_then(|lifetime| now.instant.checked_add(lifetime));
                        ended.known = Some(Known { principal, expires });
                        ended.exchange = None;
                        answer(0, &token, None, lifetime)
                    }
                    Err(error) => {
                        ended.exchange = None;
                        let bytes = answer(error.kafka_code(), &[], Some(&error.to_string()), None);
                        self.closing = Some(ClientFault::Sasl(error).into());
                        bytes
                    }
                };
                self.answer(request, bytes)
            }
            Authentication::Watched(_) if !self.in_flight.is_empty() => {
                Ok(Step::Await(Work::OtherDirection))
            }
            Authentication::Watched(watched) => {
                let exchange = watched.exchange.as_mut().ok_or(SaslError::OutOfOrder);
                match exchange.and_then(|exchange| exchange.client_token(token)) {
                    Ok(()) => self.pass(request, Some(Expect::Watched)),
                    Err(error) => {
                        let bytes = answer(error.kafka_code(), &[], Some(&error.to_string()), None);
                        self.closing = Some(ClientFault::Sasl(error).into());
                        self.answer(request, bytes)
                    }
                }
            }
        }
    }

    /// Takes the broker's answer to a request that is watched.
    pub(super) fn watched(
        &mut self,
        received: &[u8],
        api: &'static Api,
        version: i16,
        now: Now,
    ) -> Result<(), Fault> {
        let malformed = |error| BrokerFault::Malformed { api: api.name, version, error };
        let body = frame::response_body(received, api, version).map_err(malformed)?;
        let Authentication::Watched(watched) = &mut self.authentication else {
            return Err(Fault::Bug("a watched answer in a session that watches nothing"));
        };
        if api.key == key::SASL_HANDSHAKE {
            let code = sasl::walk_handshake_response(body).map_err(malformed)?;
            watched.exchange = None;
            if let (0, Some(mechanism)) = (code, watched.asked.take()) {
                let exchange = Observed::new(mechanism, watched.transport)
                    .map_err(ClientFault::Sasl)?
                    .reading(watched.reading.clone());
                watched.exchange = Some(match &watched.known {
                    Some(known) => exchange.known_as(known.principal.clone()),
                    None => exchange,
                });
            }
            return Ok(());
        }
        let answer =
            sasl::walk_authenticate_response(received, body, version).map_err(malformed)?;
        let exchange = watched.exchange.as_mut().ok_or(BrokerFault::Sasl(SaslError::OutOfOrder))?;
        match exchange.broker_token(answer.token, answer.error_code).map_err(BrokerFault::Sasl)? {
            Observation::Continue => {}
            Observation::Refused => watched.exchange = None,
            Observation::Done(principal) => {
                let lifetime = u64::try_from(answer.session_lifetime_ms).ok().filter(|ms| *ms > 0);
                let expires =
                    lifetime.and_then(|ms| now.instant.checked_add(Duration::from_millis(ms)));
                watched.exchange = None;
                watched.known = Some(Known { principal, expires });
            }
        }
        Ok(())
    }
}

impl Ended {
    fn begin(&self, mechanism: &str) -> Result<Exchange, SaslError> {
        let mechanism: Mechanism = mechanism.parse()?;
        let unsupported = || SaslError::UnsupportedMechanism { name: mechanism.name().to_owned() };
        if !self.settings.mechanisms.contains(&mechanism) {
            return Err(unsupported());
        }
        if mechanism == Mechanism::OAuthBearer {
            mechanism.check_transport(self.transport)?;
            return Ok(Exchange::Bearer);
        }
        let users = self.settings.users.as_ref().ok_or_else(unsupported)?.current();
        let exchange = SaslServer::start(mechanism, users, self.transport)?;
        Ok(Exchange::Password(match &self.known {
            Some(known) => exchange.known_as(known.principal.clone()),
            None => exchange,
        }))
    }

    fn step(&mut self, token: &[u8], now: Now) -> Result<SaslStep, SaslError> {
        match self.exchange.as_mut().ok_or(SaslError::OutOfOrder)? {
            Exchange::Password(exchange) => exchange.step(token),
            Exchange::Bearer => {
                let bearer = self.settings.bearer.as_ref().ok_or(SaslError::OutOfOrder)?;
                let accepted = bearer.accept(token, now.wall_ms)?;
                if self.known.as_ref().is_some_and(|known| known.principal != accepted.principal) {
                    return Err(SaslError::PrincipalChanged);
                }
                self.token_left = Some(accepted.left);
                Ok(SaslStep::Done { principal: accepted.principal, token: Vec::new() })
            }
        }
    }
}
