//! Opening the fields of a record: each as far as this reader was granted it.
//!
//! Specification: `docs/spec/fields.md`, "Opening". Cost of a record whose sessions are known: one
//! scan, one AEAD call and one scan for each field that opens; benchmark `fields/open`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    ClearText, FieldError, FieldReport, FieldState, NotGranted, ProtectedFields,
    scan::{Mark, Selection, exactly_one_value, scan},
    seal::context,
    splice::{Commas, Cut, splice},
    token::{ESCAPE, Look, Token},
};
use crate::{
    binding::{Binding, ChannelName},
    edek::WHOLE_VALUE,
    error::{Malformed, OpenError},
    header::{EdekHeader, SealedHeaders},
    limits::SEALED_OVERHEAD,
    open::{Opener, SealedRecordRef},
    value::SealedValue,
    wire::NULL_HEADER,
};

/// What the reader knows of a channel's fields, and wants done.
#[derive(Clone, Debug, Default)]
pub struct FieldPolicy {
    /// The protected fields, from the channel's descriptor. Without them clear text at a
    /// protected path, and a required field that is missing, are not noticed.
    pub fields: Option<Arc<ProtectedFields>>,
    /// What to do with fields that were not granted.
    pub not_granted: NotGranted,
    /// What to do with clear text at a protected path.
    pub clear: ClearText,
}

/// A record that was opened as far as this reader may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedRecord {
    /// The value; `None` is a deletion that is authentic.
    pub value: Option<Vec<u8>>,
    /// What became of each protected field, in the order of the document.
    pub fields: Vec<FieldReport>,
}

impl Opener {
    /// Opens a record with protected fields, or without any.
    ///
    /// Where the record has an EDEK for the whole value, that is opened first, as by
    /// [`open`](Self::open). Ensures: where every field was granted and the record was sealed once,
    /// or more often, the value is byte for byte what the first sealer was given.
    /// Errors: [`FieldError`]; one field that is not what was sealed refuses the record.
    pub fn open_fields<'a, H>(
        &self,
        record: SealedRecordRef<'a, H>,
        channel: &ChannelName,
        policy: &FieldPolicy,
    ) -> Result<OpenedRecord, FieldError>
    where
        H: IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone,
    {
        let headers = SealedHeaders::pick(record.headers.clone())
            .map_err(OpenError::from)?
            .ok_or(OpenError::NotSealed)?;
        let (key, place) = (record.key, record.place);
        let binding = Binding { context: channel.as_str().as_bytes(), key, place };
        let whole;
        let document = if headers.edeks.find(WHOLE_VALUE).is_some() {
            match self.open(record, channel)? {
                None => return Ok(OpenedRecord { value: None, fields: Vec::new() }),
                Some(value) => {
                    whole = value;
                    whole.as_slice()
                }
            }
        } else {
            match (record.value, headers.null) {
                (Some(value), None) => value,
                (Some(_), Some(_)) => {
                    let why = "the value is there, and authenticated as null";
                    return Err(OpenError::from(Malformed::new(NULL_HEADER, 0, why)).into());
                }
                (None, null) => {
                    self.open_deletion(&headers.edeks, null, &binding)?;
                    return Ok(OpenedRecord { value: None, fields: Vec::new() });
                }
            }
        };
        if policy.fields.is_none() && headers.edeks.iter().all(|edek| edek.slot() == WHOLE_VALUE) {
            return Ok(OpenedRecord { value: Some(document.to_vec()), fields: Vec::new() });
        }
        let opening = Opening { opener: self, edeks: headers.edeks, channel, binding, policy };
        let (value, fields) = opening.document(document)?;
        Ok(OpenedRecord { value: Some(value), fields })
    }

    /// A deletion of a record whose fields alone are sealed: one empty text for each slot.
    fn open_deletion(
        &self,
        edeks: &EdekHeader<'_>,
        null: Option<&[u8]>,
        binding: &Binding<'_>,
    ) -> Result<(), OpenError> {
        let null = null.ok_or(OpenError::Altered)?;
        if null.len() != edeks.iter().len().saturating_mul(SEALED_OVERHEAD) {
            let why = "not one tombstone for each EDEK";
            return Err(Malformed::new(NULL_HEADER, null.len(), why).into());
        }
        let mut outcome = Err(OpenError::Altered);
        for (edek, sealed) in edeks.iter().zip(null.chunks(SEALED_OVERHEAD)) {
            let sealed = SealedValue::parse_null(sealed)?;
            match self.dek(&edek) {
                Ok(dek) => {
                    sealed.open(&dek, &edek, binding, 0)?;
                    outcome = Ok(());
                }
                Err(not_granted @ OpenError::NotGranted { .. }) => {
                    outcome = outcome.or(Err(not_granted));
                }
                Err(error) => return Err(error),
            }
        }
        outcome
    }
}

/// A document that is being opened.
struct Opening<'a> {
    opener: &'a Opener,
    edeks: EdekHeader<'a>,
    channel: &'a ChannelName,
    binding: Binding<'a>,
    policy: &'a FieldPolicy,
}

/// What the tokens of one record have in common: those of a slot the session and the record number,
/// those of a session the record number; and no two of a session have one index.
#[derive(Default)]
struct Siblings {
    slots: HashMap<u8, [u8; 4]>,
    sessions: HashMap<[u8; 4], u64>,
    indexes: HashSet<([u8; 4], u16)>,
}

impl Siblings {
    fn admit(&mut self, slot: u8, sealed: &SealedValue<'_>) -> bool {
        let nonce = sealed.nonce();
        let (session, number) = (nonce.session(), nonce.record_number());
        *self.slots.entry(slot).or_insert(session) == session
            && *self.sessions.entry(session).or_insert(number) == number
            && self.indexes.insert((session, nonce.token_index()))
    }
}

impl Opening<'_> {
    fn document(&self, document: &[u8]) -> Result<(Vec<u8>, Vec<FieldReport>), FieldError> {
        let fields = self.policy.fields.as_deref();
        let selection = match fields {
            Some(fields) => Selection::new(fields, |_| true, document)?,
            None => Selection::nothing(),
        };
        let marks = scan(document, &selection, 0)?;
        let (mut cuts, mut reports) = (Vec::new(), Vec::new());
        let (mut siblings, mut commas) = (Siblings::default(), Commas::default());
        for mark in &marks {
            match mark.look {
                Look::Disguised => {
                    let why = "a string that says nu0. or nu1. in other bytes";
                    return Err(Malformed::new("json", mark.start, why).into());
                }
                Look::Token => {
                    let (report, cut) = self.token(document, mark, &mut siblings, &mut commas)?;
                    reports.push(report);
                    cuts.extend(cut);
                }
                Look::Plain | Look::Escaped => {
                    if let (Some(fields), Some(field)) = (fields, mark.field) {
                        reports.push(self.clear(fields, field, mark)?);
                    }
                    if mark.look == Look::Escaped {
                        let start = mark.start + 1;
                        cuts.push(Cut { start, end: start + ESCAPE.len(), with: Vec::new() });
                    }
                }
            }
        }
        let missing = fields.into_iter().flat_map(ProtectedFields::iter).find(|field| {
            field.is_required() && reports.iter().all(|report| report.slot != field.slot())
        });
        match missing {
            Some(field) => Err(FieldError::Missing { field: field.name().to_owned() }),
            None => Ok((splice(document, &cuts), reports)),
        }
    }

    /// Clear text at a protected path.
    fn clear(
        &self,
        fields: &ProtectedFields,
        field: usize,
        mark: &Mark,
    ) -> Result<FieldReport, FieldError> {
        match self.policy.clear {
            ClearText::Error => {
                Err(FieldError::Clear { path: mark.path.clone(), field: fields.name_of(field) })
            }
            ClearText::Accept => Ok(FieldReport {
                path: mark.path.clone(),
                slot: fields.at(field).map_or(0, super::Field::slot),
                state: FieldState::Clear,
            }),
        }
    }

    /// Opens one token; says what to write in its place.
    fn token(
        &self,
        document: &[u8],
        mark: &Mark,
        siblings: &mut Siblings,
        commas: &mut Commas,
    ) -> Result<(FieldReport, Option<Cut>), FieldError> {
        let altered = || FieldError::Altered { path: mark.path.clone() };
        let token =
            Token::from_json(mark.string(document)).map_err(|flaw| flaw.within(mark.start + 1))?;
        let sealed = token.sealed()?;
        let slot = token.slot();
        let edek = self.edeks.find(slot).ok_or_else(altered)?;
        if !siblings.admit(slot, &sealed) {
            return Err(altered());
        }
        let report = |state| FieldReport { path: mark.path.clone(), slot, state };
        let cut = |with: Vec<u8>| Cut { start: mark.start, end: mark.end, with };
        let dek = match self.opener.dek(&edek) {
            Ok(dek) => dek,
            Err(OpenError::NotGranted { opening_id }) => {
                let cut = match self.policy.not_granted {
                    NotGranted::Keep => None,
                    // There must be something left to read.
                    NotGranted::Remove if mark.depth > 0 => {
                        let (start, end) = commas.range(mark);
                        Some(Cut { start, end, with: Vec::new() })
                    }
                    NotGranted::Null | NotGranted::Remove => Some(cut(b"null".to_vec())),
                    NotGranted::Error => {
                        let path = mark.path.clone();
                        return Err(FieldError::NotGranted { path, opening_id });
                    }
                };
                return Ok((report(FieldState::NotGranted { opening_id }), cut));
            }
            Err(OpenError::Altered) => return Err(altered()),
            Err(error) => return Err(error.into()),
        };
        let context = context(self.channel, &mark.path);
        let binding = Binding { context: &context, ..self.binding };
        let text = sealed.open(&dek, &edek, &binding, usize::MAX).map_err(|error| match error {
            OpenError::Altered => altered(),
            error => error.into(),
        })?;
        // Authentic, but other readers of the session can seal, too: it must not be more than one
        // value, or it would add members.
        exactly_one_value(&text, mark.depth).map_err(|flaw| flaw.within(mark.start))?;
        Ok((report(FieldState::Opened), Some(cut(text))))
    }
}
