//! Grants, as the administrator signs them (`docs/spec/registry.md`, "Grant"), and pass-through grants
//! (`docs/spec/registry.md`). The bodies are public; the re-encryption key is not in them.
//!
//! ```text
//! "nucypher/v1/grant-body" || suite || state (1 or 2) || A (33) || B (33) || X (33, or zeros) || T (33; interactive: B)
//! || len16(channel) || epoch as u32 || len16(field) || len16(principal) || not before as i64 || not after as i64 (ms, 0 = none)
//! || revision as u64 || len16(topics, each len16) || u8 gateways || gateway key ids (8 each)
//! ```
//!
//! ```text
//! "nucypher/v1/pass-through-body" || len16(channel) || len16(principal) || not before as i64 || not after as i64
//! || revision as u64 || len16(topics, each len16)
//! ```

use std::num::NonZero;

use nucypher_pre::{Capsule, DelegationKind, Precursor, PublicKey, Suite};

use super::{
    channel::{read_public_key, read_suite},
    codec::{Malformed, Reader, Texts, TooLong, put_len16, put_texts, read_texts},
    key::GatewayKeyId,
    name::{is_field, is_name, is_principal, is_topic_pattern, matches_topic},
};

const GRANT_DOMAIN: &[u8] = b"nucypher/v1/grant-body";
const PASS_THROUGH_DOMAIN: &[u8] = b"nucypher/v1/pass-through-body";
const POINT_LEN: usize = 33;

/// When a grant is in force: from "not before" to "not after", both included, in milliseconds
/// since 1970, each of them optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Validity {
    not_before: Option<NonZero<i64>>,
    not_after: Option<NonZero<i64>>,
}

/// Times that cannot bound a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidityError {
    /// The instant 0, which on the wire says that there is no bound.
    #[error("the instant 0 (the beginning of 1970) cannot bound a grant")]
    Zero,
    /// "Not after" lies before "not before".
    #[error("the end lies before the beginning")]
    Empty,
}

impl Validity {
    /// Without bounds.
    pub const ALWAYS: Self = Self { not_before: None, not_after: None };

    /// Bounds the validity.
    pub fn new(not_before: Option<i64>, not_after: Option<i64>) -> Result<Self, ValidityError> {
        let bound = |time: Option<i64>| match time.map(NonZero::new) {
            None => Ok(None),
            Some(Some(time)) => Ok(Some(time)),
            Some(None) => Err(ValidityError::Zero),
        };
        let validity = Self { not_before: bound(not_before)?, not_after: bound(not_after)? };
        match (validity.not_before, validity.not_after) {
            (Some(begin), Some(end)) if end < begin => Err(ValidityError::Empty),
            _ => Ok(validity),
        }
    }

    /// The first millisecond in force.
    pub fn not_before(&self) -> Option<i64> {
        self.not_before.map(NonZero::get)
    }

    /// The last millisecond in force.
    pub fn not_after(&self) -> Option<i64> {
        self.not_after.map(NonZero::get)
    }

    /// Whether "not before" has passed.
    pub fn has_begun(&self, now_ms: i64) -> bool {
        self.not_before.is_none_or(|begin| begin.get() <= now_ms)
    }

    /// Whether `now_ms` lies within.
    pub fn contains(&self, now_ms: i64) -> bool {
        self.has_begun(now_ms) && self.not_after.is_none_or(|end| now_ms <= end.get())
    }

    /// The instants at which [`contains`](Self::contains) changes.
    pub(super) fn changes(&self) -> impl Iterator<Item = i64> {
        let end = self.not_after().and_then(|end| end.checked_add(1));
        self.not_before().into_iter().chain(end)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.not_before().unwrap_or(0).to_be_bytes());
        out.extend(self.not_after().unwrap_or(0).to_be_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let not_before = NonZero::new(reader.i64("not before")?);
        let at = reader.fail("not after");
        let not_after = NonZero::new(reader.i64("not after")?);
        match (not_before, not_after) {
            (Some(begin), Some(end)) if end < begin => Err(at),
            _ => Ok(Self { not_before, not_after }),
        }
    }
}

/// The signed body of a grant: who may have which channel's DEKs re-encrypted, to which key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrantBody {
    /// How the re-encryption key was made; the state of the EDEKs that it gives.
    pub kind: DelegationKind,
    /// A, the delegating key. Its suite is the grant's.
    pub delegator: PublicKey,
    /// B, the consumer's key.
    pub delegatee: PublicKey,
    /// X, for a non-interactive key.
    pub precursor: Option<Precursor>,
    /// T, to which the re-encryption key leads; B for an interactive key.
    pub target: [u8; POINT_LEN],
    /// The channel's name.
    pub channel: Box<str>,
    /// The generation of the channel's keys.
    pub epoch: u32,
    /// The protected field group; empty for the whole value.
    pub field: Box<str>,
    /// Whom the gateway must have authenticated.
    pub principal: Box<str>,
    /// When the grant is in force.
    pub validity: Validity,
    /// When the grant was written, in the administrator's count.
    pub revision: u64,
    /// The topics to which the grant is bound; empty: all topics of the channel.
    pub topics: Vec<Box<str>>,
    /// The gateways to which the re-encryption key is sealed, in the order of the sealed keys.
    pub gateways: Vec<GatewayKeyId>,
}

impl GrantBody {
    /// Encodes the body that is signed.
    pub fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = GRANT_DOMAIN.to_vec();
        out.push(self.delegator.suite().as_byte());
        out.push(match self.kind {
            DelegationKind::Interactive => 1,
            DelegationKind::NonInteractive => 2,
        });
        out.extend(self.delegator.to_bytes());
        out.extend(self.delegatee.to_bytes());
        out.extend(self.precursor.map_or([0; POINT_LEN], |precursor| precursor.to_bytes()));
        out.extend(self.target);
        put_len16(&mut out, "channel", self.channel.as_bytes())?;
        out.extend(self.epoch.to_be_bytes());
        put_len16(&mut out, "field", self.field.as_bytes())?;
        put_len16(&mut out, "principal", self.principal.as_bytes())?;
        self.validity.encode(&mut out);
        out.extend(self.revision.to_be_bytes());
        put_texts(&mut out, "topics", &self.topics)?;
        out.push(u8::try_from(self.gateways.len()).map_err(|_| TooLong { field: "gateways" })?);
        for id in &self.gateways {
            out.extend(id.as_bytes());
        }
        Ok(out)
    }

    /// Decodes a body, strictly. Cost: four square roots (about 40 us).
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let view = GrantView::parse(body)?;
        let mut reader = Reader::new(body);
        reader.take("domain", POINTS_AT)?;
        let (suite, kind) = (view.suite, view.kind);
        let delegator = read_public_key(&mut reader, "A", suite)?;
        let delegatee = read_public_key(&mut reader, "B", suite)?;
        let precursor = match kind {
            DelegationKind::Interactive => reader.constant("X", &[0; POINT_LEN]).map(|()| None)?,
            DelegationKind::NonInteractive => Some(reader.map("X", |reader| {
                let bytes: &[u8; POINT_LEN] = reader.array("X")?;
                Precursor::from_bytes(bytes).map_err(|_| reader.fail("X"))
            })?),
        };
        let target = reader.map("T", |reader| {
            let bytes: &[u8; POINT_LEN] = reader.array("T")?;
            let fits = match kind {
                DelegationKind::Interactive => *bytes == delegatee.to_bytes(),
                DelegationKind::NonInteractive => Capsule::from_bytes(bytes).is_ok(),
            };
            if fits { Ok(*bytes) } else { Err(reader.fail("T")) }
        })?;
        Ok(Self {
            kind,
            delegator,
            delegatee,
            precursor,
            target,
            channel: view.channel.into(),
            epoch: view.epoch,
            field: view.field.into(),
            principal: view.principal.into(),
            validity: view.validity,
            revision: view.revision,
            topics: view.topics.iter().map(Into::into).collect(),
            gateways: view.gateways.iter().copied().map(GatewayKeyId::from_bytes).collect(),
        })
    }
}

/// Where A begins: after the domain, suite and state.
const POINTS_AT: usize = GRANT_DOMAIN.len() + 2;

/// A grant's body, borrowed: everything is checked but that A, B, X and T are points, which costs a
/// square root each. Allocates nothing. Cost: about 0.2 us.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrantView<'a> {
    pub(super) suite: Suite,
    pub(super) kind: DelegationKind,
    pub(super) delegator: &'a [u8; POINT_LEN],
    pub(super) delegatee: &'a [u8; POINT_LEN],
    pub(super) channel: &'a str,
    pub(super) epoch: u32,
    pub(super) field: &'a str,
    pub(super) principal: &'a str,
    pub(super) validity: Validity,
    pub(super) revision: u64,
    pub(super) topics: Texts<'a>,
    pub(super) gateways: &'a [[u8; 8]],
}

impl<'a> GrantView<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.constant("domain", GRANT_DOMAIN)?;
        let suite = read_suite(&mut reader)?;
        let state_at = reader.fail("state");
        let kind = match reader.u8("state")? {
            1 => DelegationKind::Interactive,
            2 => DelegationKind::NonInteractive,
            _ => return Err(state_at),
        };
        let delegator = reader.array("A")?;
        let delegatee = reader.array("B")?;
        reader.take("X", POINT_LEN)?;
        reader.take("T", POINT_LEN)?;
        let channel = reader.text("channel", is_name)?;
        let epoch = reader.u32("epoch")?;
        let field = reader.text("field", is_field)?;
        let principal = reader.text("principal", is_principal)?;
        let validity = Validity::decode(&mut reader)?;
        let revision = reader.u64("revision")?;
        let topics = Texts::read(&mut reader, "topics", is_topic_pattern)?;
        let count = usize::from(reader.u8("gateways")?);
        let at = reader.at();
        let gateways = reader.chunks::<8>("gateway key id", count)?;
        let twice = (1..count).find(|place| {
            let (before, rest) = gateways.split_at_checked(*place).unwrap_or_default();
            rest.first().is_some_and(|id| before.contains(id))
        });
        if let Some(place) = twice {
            return Err(Malformed { field: "gateway key id", offset: at + 8 * place });
        }
        reader.finish()?;
        Ok(Self {
            suite,
            kind,
            delegator,
            delegatee,
            channel,
            epoch,
            field,
            principal,
            validity,
            revision,
            topics,
            gateways,
        })
    }
}

/// The signed body of a pass-through grant: a principal that may fetch a channel's records as
/// they are stored, without re-encryption (mirroring, backup).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassThroughBody {
    /// The channel's name.
    pub channel: Box<str>,
    /// Whom the gateway must have authenticated.
    pub principal: Box<str>,
    /// When the grant is in force.
    pub validity: Validity,
    /// When the grant was written, in the administrator's count.
    pub revision: u64,
    /// The topics to which the grant is bound; empty: all topics of the channel.
    pub topics: Vec<Box<str>>,
}

impl PassThroughBody {
    pub(super) fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = PASS_THROUGH_DOMAIN.to_vec();
        put_len16(&mut out, "channel", self.channel.as_bytes())?;
        put_len16(&mut out, "principal", self.principal.as_bytes())?;
        self.validity.encode(&mut out);
        out.extend(self.revision.to_be_bytes());
        put_texts(&mut out, "topics", &self.topics)?;
        Ok(out)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.constant("domain", PASS_THROUGH_DOMAIN)?;
        let channel = reader.text("channel", is_name)?.into();
        let principal = reader.text("principal", is_principal)?.into();
        let validity = Validity::decode(&mut reader)?;
        let revision = reader.u64("revision")?;
        let topics = read_texts(&mut reader, "topics", is_topic_pattern)?;
        reader.finish()?;
        Ok(Self { channel, principal, validity, revision, topics })
    }
}

/// Whether a grant that is bound to `topics` covers `topic`. Bindings are short lists.
pub(super) fn covers<'a>(topics: impl Iterator<Item = &'a str>, topic: &str) -> bool {
    let mut bound_at_all = false;
    for bound in topics {
        bound_at_all = true;
        if matches_topic(bound, topic) {
            return true;
        }
    }
    !bound_at_all
}
