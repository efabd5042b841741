//! Tokens: what stands in the place of a protected value.
//!
//! JSON: the string `nu1.` || base64url(slot || sealed value), canonical and without padding.
//! A clear string that begins like a token, or like an escaped one,
//! gets `nu0.` in front. Specification: `docs/spec/fields.md`, "Tokens". Public.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{FieldError, ProtectedFields, lexer::unescape, scan};
use crate::{compression::Compression, edek::WHOLE_VALUE, error::Malformed, value::SealedValue};

/// What a token begins with.
pub(super) const TOKEN: &[u8] = b"nu1.";
/// What is put before a clear string that begins like a token, or like this.
pub(super) const ESCAPE: &[u8] = b"nu0.";

/// How a string looks to a sealer and an opener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// As any other.
    Plain,
    /// It begins with `nu1.`.
    Token,
    /// It begins with `nu0.`.
    Escaped,
    /// It says `nu1.` or `nu0.` and spells it otherwise, as `\u006eu1.`: no sealer leaves that.
    Disguised,
}

impl Look {
    /// Cost: for most strings one comparison.
    pub(super) fn of(raw: &[u8]) -> Self {
        match raw.first() {
            Some(b'n' | b'\\') => {}
            _ => return Self::Plain,
        }
        if raw.starts_with(TOKEN) {
            return Self::Token;
        }
        if raw.starts_with(ESCAPE) {
            return Self::Escaped;
        }
        // Four characters take at most 24 bytes; cut at a whole character.
        let mut said = unescape_prefix(raw);
        let said = [said.next(), said.next(), said.next(), said.next()];
        match said {
            [Some('n'), Some('u'), Some('0' | '1'), Some('.')] => Self::Disguised,
            _ => Self::Plain,
        }
    }
}

fn unescape_prefix(raw: &[u8]) -> impl Iterator<Item = char> + '_ {
    let cut = raw.get(..24).unwrap_or(raw);
    let valid = match core::str::from_utf8(cut) {
        Ok(_) => cut,
        Err(error) => cut.get(..error.valid_up_to()).unwrap_or_default(),
    };
    unescape(valid)
}

/// A token that is in the format; whether it is authentic shows only on opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    slot: u8,
    sealed: Vec<u8>,
}

impl Token {
    /// The bytes of the sealed value.
    pub(super) fn sealed_bytes(&self) -> &[u8] {
        &self.sealed
    }

    /// Joins slot and sealed value.
    pub(super) fn new(slot: u8, sealed: Vec<u8>) -> Self {
        Self { slot, sealed }
    }

    /// Reads the text between a JSON string's quotes.
    ///
    /// Errors: offsets count from the start of `raw`, from the slot where base64 is right.
    pub(super) fn from_json(raw: &[u8]) -> Result<Self, Malformed> {
        let encoded = raw.strip_prefix(TOKEN).unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| Malformed::new("token", TOKEN.len(), "not base64url without padding"))?;
        Self::from_bytes(&bytes)
    }

    /// Reads slot and sealed value.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let (&slot, sealed) =
            bytes.split_first().ok_or(Malformed::new("token", 0, "it is empty"))?;
        if slot == WHOLE_VALUE {
            return Err(Malformed::new("slot", 0, "slot 0 is not a field's"));
        }
        let value = SealedValue::parse(sealed).map_err(|flaw| flaw.within(1))?;
        if value.flags().compression() != Compression::None {
            return Err(Malformed::new("flags", 1, "a field is never compressed"));
        }
        Ok(Self { slot, sealed: sealed.to_vec() })
    }

    /// Appends the JSON string, with its quotes.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        let mut bytes = Vec::with_capacity(self.sealed.len().saturating_add(1));
        self.write_bytes(&mut bytes);
        out.push(b'"');
        out.extend_from_slice(TOKEN);
        out.extend_from_slice(URL_SAFE_NO_PAD.encode(bytes).as_bytes());
        out.push(b'"');
    }

    /// Appends slot and sealed value.
    pub(super) fn write_bytes(&self, out: &mut Vec<u8>) {
        out.push(self.slot);
        out.extend_from_slice(&self.sealed);
    }

    /// The slot.
    pub fn slot(&self) -> u8 {
        self.slot
    }

    /// The sealed value.
    ///
    /// Errors: never, for a token that was read; `Malformed` then names what is wrong.
    pub fn sealed(&self) -> Result<SealedValue<'_>, Malformed> {
        SealedValue::parse(&self.sealed)
    }

    /// The length of the sealed value.
    pub fn len(&self) -> usize {
        self.sealed.len()
    }

    /// Whether the sealed value is empty, which none is.
    pub fn is_empty(&self) -> bool {
        self.sealed.is_empty()
    }
}

/// The tokens of a sealed JSON document with their paths, for whoever wants to look at them.
///
/// Errors: not JSON; a string that begins like a token and is none.
pub fn tokens(document: &[u8]) -> Result<Vec<(String, Token)>, FieldError> {
    let marks = scan::scan(document, &scan::Selection::<'_>::nothing(), 0)?;
    marks
        .iter()
        .filter(|mark| mark.look == Look::Token)
        .map(|mark| {
            let raw = mark.string(document);
            let token = Token::from_json(raw).map_err(|flaw| flaw.within(mark.start + 1))?;
            Ok((mark.path.clone(), token))
        })
        .collect()
}

impl ProtectedFields {
    /// The name of a slot's field, for messages.
    pub(super) fn name_of(&self, index: usize) -> String {
        self.at(index).map(|field| field.name().to_owned()).unwrap_or_default()
    }
}
