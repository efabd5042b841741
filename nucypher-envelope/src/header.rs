//! The record header `nu.edek`: one EDEK or several, joined, ascending by slot.
//!
//! Specification: `docs/spec/envelope.md`, "Record headers". Everything here is public.

use core::fmt;

use crate::{
    edek::Edek,
    error::Malformed,
    limits::{EDEK_LEN, MAX_EDEKS},
    wire::{EDEK_HEADER, NULL_HEADER, SIGNATURE_HEADER},
};

/// The value of a `nu.edek` header, checked as a whole.
#[derive(Clone, Copy)]
pub struct EdekHeader<'a> {
    edeks: &'a [[u8; EDEK_LEN]],
}

impl<'a> EdekHeader<'a> {
    /// Parses a header's value: 1 to 255 EDEKs with distinct slots in ascending order.
    ///
    /// Ensures: every EDEK is in the format but for its points.
    /// Errors: the offset counts from the start of the header's value.
    /// Cost: 102 bytes of comparisons for each EDEK; no allocation, no curve arithmetic.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let (edeks, rest) = value.as_chunks::<EDEK_LEN>();
        if edeks.is_empty() || !rest.is_empty() {
            let why = "not a multiple of 102, or empty";
            return Err(Malformed::new("length", value.len(), why));
        }
        if edeks.len() > MAX_EDEKS {
            return Err(Malformed::new("length", MAX_EDEKS * EDEK_LEN, "more than 255 EDEKs"));
        }
        let mut last = None;
        for (index, bytes) in edeks.iter().enumerate() {
            let base = index * EDEK_LEN;
            let slot = Edek::check(bytes).map_err(|flaw| flaw.within(base))?.slot();
            if last.is_some_and(|last| slot <= last) {
                return Err(Malformed::new("slot", base + Edek::SLOT_AT, "slots do not ascend"));
            }
            last = Some(slot);
        }
        Ok(Self { edeks })
    }

    /// The EDEKs by ascending slot.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Edek> + 'a {
        self.edeks.iter().map(Edek::checked)
    }

    /// The EDEK of a slot.
    pub fn find(&self, slot: u8) -> Option<Edek> {
        self.iter().find(|edek| edek.slot() == slot)
    }
}

impl fmt::Debug for EdekHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The headers of one record that this crate reads.
pub(crate) struct SealedHeaders<'a> {
    pub(crate) edeks: EdekHeader<'a>,
    pub(crate) null: Option<&'a [u8]>,
    pub(crate) signature: Option<&'a [u8]>,
}

impl<'a> SealedHeaders<'a> {
    /// Picks them out of all headers. `Ok(None)`: there is no `nu.edek`, nobody claims a seal.
    ///
    /// Errors: a header twice, or with a null value: a second one must not be a way to choose
    /// what is opened.
    pub(crate) fn pick(
        headers: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Option<Self>, Malformed> {
        let (mut edeks, mut null, mut signature) = (None, None, None);
        for (name, value) in headers {
            let (field, seen) = if name == EDEK_HEADER.as_bytes() {
                (EDEK_HEADER, &mut edeks)
            } else if name == NULL_HEADER.as_bytes() {
                (NULL_HEADER, &mut null)
            } else if name == SIGNATURE_HEADER.as_bytes() {
                (SIGNATURE_HEADER, &mut signature)
            } else {
                continue;
            };
            let value = value.ok_or(Malformed::new(field, 0, "the header's value is null"))?;
            if seen.replace(value).is_some() {
                return Err(Malformed::new(field, 0, "more than one such header"));
            }
        }
        match edeks {
            None => Ok(None),
            Some(value) => Ok(Some(Self { edeks: EdekHeader::parse(value)?, null, signature })),
        }
    }
}
