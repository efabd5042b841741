//! OAUTHBEARER (RFC 7628; KIP-255, KIP-768): the client's message, and what makes a token believed.
//!
//! ```text
//! "n," ["a=" authzid] "," %x01 "auth=Bearer " token %x01 *(key "=" value %x01) %x01
//! ```
//!
//! Where it ends at the gateway, [`Bearer`] verifies the token. Where it passes through, [`read`] gives
//! the name that the broker will take from it, which counts once the broker has accepted. The grammar is
//! Kafka's own, and stricter where two readers could differ: no key twice, no name with outer spaces.

use std::sync::Arc;
use std::time::Duration;

use super::jwt::{JwksError, Jws, KeySet, TokenError};
use super::principal::Principal;
use super::sasl::{SaslError, check_len};
use crate::gateway::reload::Reloadable;

/// Which tokens are believed.
#[derive(Debug)]
pub struct Bearer {
    /// The keys of the issuer.
    pub keys: Reloadable<KeySet, JwksError>,
    /// What `iss` must say.
    pub issuer: String,
    /// What `aud` must name, one of these.
    pub audiences: Vec<String>,
    /// The claim that is the principal's name.
    pub principal_claim: String,
    /// By how much the issuer's clock may differ from ours.
    pub clock_skew: Duration,
}

/// A token that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Whose it is.
    pub principal: Principal,
    /// For how long it still holds, clock skew included.
    pub left: Duration,
}

impl Bearer {
    /// The keys in force.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        self.keys.current()
    }

    /// Believes the token of a client's message, or not.
    ///
    /// # Errors
    ///
    /// [`SaslError`].
    pub fn accept(&self, message: &[u8], now_ms: i64) -> Result<Accepted, SaslError> {
        let message = Message::parse(message)?;
        let token = Jws::parse(message.token)?;
        token.verify(&self.keys())?;
        if token.text("iss") != Some(self.issuer.as_str()) {
            return Err(TokenError::Issuer.into());
        }
        if !token.is_for(&self.audiences) {
            return Err(TokenError::Audience.into());
        }
        let skew = i64::try_from(self.clock_skew.as_millis()).unwrap_or(i64::MAX);
        let expires = token.time_ms("exp")?.ok_or(TokenError::Claim("exp"))?;
        let left = expires.saturating_add(skew).saturating_sub(now_ms);
        let left = u64::try_from(left).ok().filter(|left| *left > 0).ok_or(TokenError::Expired)?;
        if token.time_ms("nbf")?.is_some_and(|from| from.saturating_sub(skew) > now_ms) {
            return Err(TokenError::Early.into());
        }
        let principal = message.principal(&token, &self.principal_claim)?;
        Ok(Accepted { principal, left: Duration::from_millis(left) })
    }
}

/// How tokens that pass through are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The claim that is the principal's name: the brokers' `sasl.oauthbearer.sub.claim.name`.
    pub principal_claim: String,
    /// Whether unsigned tokens pass: for development, with brokers that use Kafka's unsecured handler.
    pub unsecured: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self { principal_claim: "sub".to_owned(), unsecured: false }
    }
}

impl Reading {
    /// The principal that the broker will take from a client's message, if it accepts it.
    ///
    /// # Errors
    ///
    /// [`SaslError`]: do not pass the message on.
    pub fn claimed(&self, message: &[u8]) -> Result<Principal, SaslError> {
        let message = Message::parse(message)?;
        let token = Jws::parse(message.token)?;
        if token.is_unsecured() && !self.unsecured {
            return Err(TokenError::Unsigned.into());
        }
        message.principal(&token, &self.principal_claim)
    }
}

/// A client's message.
struct Message<'a> {
    authorization_id: Option<String>,
    token: &'a str,
}

impl<'a> Message<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, SaslError> {
        let malformed = |what| SaslError::Malformed(what);
        check_len(message)?;
        let text = std::str::from_utf8(message).map_err(|_| malformed("OAUTHBEARER: not UTF-8"))?;
        let rest = text.strip_prefix("n,").ok_or(malformed("OAUTHBEARER: GS2 header"))?;
        let (authorization_id, rest) =
            rest.split_once(",\u{1}").ok_or(malformed("OAUTHBEARER: GS2 header"))?;
        let authorization_id = match authorization_id {
            "" => None,
            id => Some(saslname(id).ok_or(malformed("OAUTHBEARER: authorization id"))?),
        };
        // Each pair ends with the separator, and one more ends the message.
        let pairs = rest
            .strip_suffix("\u{1}\u{1}")
            .ok_or(malformed("OAUTHBEARER: the end of the message"))?;
        let mut names = Vec::new();
        let mut token = None;
        for pair in pairs.split('\u{1}') {
            let (name, value) = pair.split_once('=').ok_or(malformed("OAUTHBEARER: a pair"))?;
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic());
            let is_value = !value.is_empty()
                && value
                    .chars()
                    .all(|c| matches!(c, '\u{21}'..='\u{7e}' | ' ' | '\t' | '\r' | '\n'));
            if !is_name || !is_value || names.contains(&name) || names.len() == MAX_PAIRS {
                return Err(malformed("OAUTHBEARER: a pair"));
            }
            names.push(name);
            if name == "auth" {
                token = Some(bearer(value).ok_or(malformed("OAUTHBEARER: auth"))?);
            }
        }
        let token = token.ok_or(malformed("OAUTHBEARER: no auth"))?;
        Ok(Self { authorization_id, token })
    }

    fn principal(&self, token: &Jws<'_>, claim: &str) -> Result<Principal, SaslError> {
        let name = token.text(claim).ok_or(TokenError::PrincipalClaim)?;
        // Kafka trims the claim in one of its validators and not in the other.
        if name.is_empty() || name != name.trim() {
            return Err(TokenError::PrincipalClaim.into());
        }
        if self.authorization_id.as_ref().is_some_and(|id| id != name) {
            return Err(SaslError::AuthorizationId);
        }
        Ok(Principal::user(name)?)
    }
}

/// How many pairs a message may have: Kafka's SASL extensions are a handful.
const MAX_PAIRS: usize = 64;

/// `a=` and a name in which `,` and `=` stand as `=2C` and `=3D`.
fn saslname(text: &str) -> Option<String> {
    let text = text.strip_prefix("a=")?;
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = (rest.get(..at)?, rest.get(at + 1..)?);
        name.push_str(before);
        name.push(match after.get(..2)? {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        rest = after.get(2..)?;
    }
    name.push_str(rest);
    (!text.is_empty() && !text.contains([',', '\0', '\u{1}'])).then_some(name)
}

/// `Bearer` and a token.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_token = !token.is_empty()
        && token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

#[cfg(test)]
pub(crate) mod tests;
