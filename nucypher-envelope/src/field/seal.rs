//! Sealing the fields of a document: what a [`Sealer`](crate::Sealer) does before the whole value.
//!
//! Cost of a record: one scan, one AEAD call for each selected value, one copy of the document;
//! benchmark `fields/seal`. Specification: `docs/spec/fields.md`.

use std::sync::Arc;

use nucypher_pre::{PublicKey, rand_core::CryptoRng};

use super::{
    FieldError, MAX_TOKENS, ProtectedFields,
    scan::{Mark, Selection, scan},
    session::{Bound, FieldSession},
    splice::{Cut, splice},
    token::{ESCAPE, Look, Token},
};
use crate::{
    binding::ChannelName,
    compression::Compressor,
    error::ConfigError,
    header::EdekHeader,
    limits::Limits,
    seal::SealedRecord,
    text::{Padding, Text},
};

/// The public key under which a slot is sealed.
#[derive(Clone, Debug)]
pub struct FieldKey {
    /// The slot, 1 to 255.
    pub slot: u8,
    /// The delegating key of the field.
    pub key: PublicKey,
}

/// Which fields to seal, and under which keys.
#[derive(Clone, Debug)]
pub struct FieldSealing {
    fields: Arc<ProtectedFields>,
    keys: Vec<FieldKey>,
    padding: Padding,
}

impl FieldSealing {
    /// Fields with their keys. Fields are padded, so that `true` and `false` have one length.
    ///
    /// Errors: a field without a key, a key without a field.
    pub fn new(
        fields: Arc<ProtectedFields>,
        keys: impl IntoIterator<Item = FieldKey>,
    ) -> Result<Self, ConfigError> {
        let mut keys: Vec<FieldKey> = keys.into_iter().collect();
        keys.sort_by_key(|key| key.slot);
        if !keys.iter().map(|key| key.slot).eq(fields.iter().map(super::Field::slot)) {
            return Err(ConfigError::Field { why: "each field needs one key, each key a field" });
        }
        Ok(Self { fields, keys, padding: Padding::Blocks })
    }

    /// Says whether fields are padded.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    fn keys(&self) -> impl Iterator<Item = (u8, &PublicKey)> {
        self.keys.iter().map(|key| (key.slot, &key.key))
    }
}

/// Seals the fields of a channel's records.
#[derive(Debug)]
pub(crate) struct FieldSealer {
    sealing: FieldSealing,
    channel: ChannelName,
    session: Option<FieldSession>,
    /// The session for what is added to sealed records, and its slots.
    added: Option<(Vec<u8>, FieldSession)>,
}

/// A text and where it goes.
struct Plan {
    cut: Cut,
    token: Option<(u8, Vec<u8>, Text)>,
}

impl FieldSealer {
    pub(crate) fn new(sealing: FieldSealing, channel: ChannelName) -> Self {
        Self { sealing, channel, session: None, added: None }
    }

    pub(crate) fn begin_anew(&mut self) {
        self.session = None;
        self.added = None;
    }

    /// Seals the fields of a value, or a deletion under every slot.
    pub(crate) fn seal(
        &mut self,
        value: Option<&[u8]>,
        key: Option<Option<&[u8]>>,
        limits: &Limits,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRecord, FieldError> {
        let plans = match value {
            None => Vec::new(),
            Some(value) => self.plan(value, |_| true, false)?,
        };
        let calls = if value.is_some() { plans.len() } else { self.sealing.keys.len() };
        let bound = Bound { key, place: None };
        let mut session = self
            .session
            .take()
            .and_then(|session| session.goes_on(limits, calls, bytes(&plans), now_ms))
            .unwrap_or_else(|| FieldSession::begin(self.sealing.keys(), now_ms, rng));
        let edek = session.edeks().flat_map(|edek| *edek.as_bytes()).collect();
        let sealed = match value {
            Some(value) => {
                let value = write(value, plans, &mut session, &bound)?;
                SealedRecord { edek, value: Some(value), null: None, signature: None }
            }
            None => {
                let mut null = Vec::new();
                for (slot, _) in self.sealing.keys() {
                    let context = self.channel.as_str().as_bytes();
                    let token = session.seal(slot, 0, context, Text::empty(), &bound)?;
                    null.extend_from_slice(token.sealed_bytes());
                }
                SealedRecord { edek, value: None, null: Some(null), signature: None }
            }
        };
        session.end_record();
        self.session = Some(session);
        Ok(sealed)
    }

    /// Seals, of a document that is partly sealed, the fields whose slots `edek` lacks.
    pub(crate) fn seal_more(
        &mut self,
        value: &[u8],
        edek: &[u8],
        key: Option<Option<&[u8]>>,
        limits: &Limits,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRecord, FieldError> {
        let before = EdekHeader::parse(edek)?;
        let is_new = |slot: u8| before.find(slot).is_none();
        let slots: Vec<u8> =
            self.sealing.keys().map(|(slot, _)| slot).filter(|slot| is_new(*slot)).collect();
        if slots.is_empty() || before.find(crate::WHOLE_VALUE).is_some() {
            return Err(FieldError::NothingToAdd);
        }
        let others = super::tokens(value)?;
        let plans = self.plan(value, is_new, true)?;
        let same_prefix = |session: &FieldSession| {
            others.iter().any(|(_, token)| {
                token.sealed().is_ok_and(|sealed| session.has_prefix(sealed.nonce().session()))
            })
        };
        let mut session = self
            .added
            .take()
            .filter(|(those, session)| *those == slots && !same_prefix(session))
            .and_then(|(_, session)| session.goes_on(limits, plans.len(), bytes(&plans), now_ms))
            .unwrap_or_else(|| {
                let keys = self.sealing.keys().filter(|(slot, _)| is_new(*slot));
                FieldSession::begin(keys, now_ms, rng)
            });
        let value = write(value, plans, &mut session, &Bound { key, place: None })?;
        let mut edeks: Vec<_> = before.iter().chain(session.edeks().copied()).collect();
        edeks.sort_by_key(crate::Edek::slot);
        let edek = edeks.iter().flat_map(|edek| *edek.as_bytes()).collect();
        session.end_record();
        self.added = Some((slots, session));
        Ok(SealedRecord { edek, value: Some(value), null: None, signature: None })
    }

    /// Finds what is to be sealed and what is to be escaped.
    fn plan(
        &self,
        document: &[u8],
        slots: impl Fn(u8) -> bool,
        partly_sealed: bool,
    ) -> Result<Vec<Plan>, FieldError> {
        let fields = &self.sealing.fields;
        let selection = Selection::new(fields, &slots, document)?;
        let marks = scan(document, &selection, 0)?;
        let mut plans: Vec<Plan> = Vec::new();
        let mut found = [false; 256];
        for (index, mark) in marks.iter().enumerate() {
            let Some(field) = mark.field.and_then(|field| fields.at(field)) else {
                if !partly_sealed && !mark.inside && mark.look != Look::Plain {
                    let at = mark.start + 1;
                    let cut = Cut { start: at, end: at, with: ESCAPE.to_vec() };
                    plans.push(Plan { cut, token: None });
                }
                continue;
            };
            let inner = marks.get(index..).unwrap_or_default();
            let inner = inner.iter().take_while(|inner| inner.start < mark.end);
            let text = clear_text(document, mark, inner, partly_sealed)?;
            let context = context(&self.channel, &mark.path);
            let text = Text::new(&text, self.sealing.padding, &mut Compressor::none())
                .map_err(|_| FieldError::TooLarge)?;
            let cut = Cut { start: mark.start, end: mark.end, with: Vec::new() };
            plans.push(Plan { cut, token: Some((field.slot(), context, text)) });
            if let Some(found) = found.get_mut(usize::from(field.slot())) {
                *found = true;
            }
        }
        if plans.iter().filter(|plan| plan.token.is_some()).count() > MAX_TOKENS {
            return Err(FieldError::TooMany);
        }
        let missing = fields.iter().find(|field| {
            field.is_required()
                && slots(field.slot())
                && !found.get(usize::from(field.slot())).is_some_and(|found| *found)
        });
        match missing {
            Some(field) => Err(FieldError::Missing { field: field.name().to_owned() }),
            None => Ok(plans),
        }
    }
}

/// The text of a selected value as it stood before anybody sealed anything: in a document that is
/// partly sealed, without the escapes of the first sealer.
fn clear_text<'m>(
    document: &[u8],
    mark: &Mark,
    inner: impl Iterator<Item = &'m Mark>,
    partly_sealed: bool,
) -> Result<Vec<u8>, FieldError> {
    let text = document.get(mark.start..mark.end).unwrap_or_default();
    if !partly_sealed {
        return Ok(text.to_vec());
    }
    let mut cuts = Vec::new();
    for inner in inner {
        match inner.look {
            Look::Plain => {}
            Look::Escaped => {
                let start = (inner.start + 1).saturating_sub(mark.start);
                cuts.push(Cut { start, end: start + ESCAPE.len(), with: Vec::new() });
            }
            Look::Token | Look::Disguised => {
                return Err(FieldError::AlreadySealed { path: mark.path.clone() });
            }
        }
    }
    Ok(splice(text, &cuts))
}

/// The channel's name, `#`, the path.
pub(super) fn context(channel: &ChannelName, path: &str) -> Vec<u8> {
    [channel.as_str().as_bytes(), b"#", path.as_bytes()].concat()
}

fn bytes(plans: &[Plan]) -> usize {
    plans.iter().filter_map(|plan| plan.token.as_ref()).map(|(_, _, text)| text.len()).sum()
}

/// Seals the texts in their order and writes the document.
fn write(
    document: &[u8],
    plans: Vec<Plan>,
    session: &mut FieldSession,
    bound: &Bound<'_>,
) -> Result<Vec<u8>, FieldError> {
    let mut index = 0;
    let mut cuts = Vec::with_capacity(plans.len());
    for Plan { mut cut, token } in plans {
        if let Some((slot, context, text)) = token {
            let token: Token = session.seal(slot, index, &context, text, bound)?;
            token.write_json(&mut cut.with);
            index += 1;
        }
        cuts.push(cut);
    }
    Ok(splice(document, &cuts))
}
