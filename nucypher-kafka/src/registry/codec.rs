//! Reading and writing the registry's bodies (`docs/spec/registry.md`): big-endian, length
//! before content, nothing left over. Reads never go beyond the input, and never allocate by a
//! number that the input claims.

/// Bytes that are not what the specification says, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {field} at byte {offset}")]
pub struct Malformed {
    /// The field, as the specification names it.
    pub field: &'static str,
    /// Where the field begins.
    pub offset: usize,
}

/// A cursor over bytes from outside.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(Malformed { field, offset: self.at });
        };
        self.rest = rest;
        self.at += len;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<&'a [u8; N], Malformed> {
        let offset = self.at;
        self.take(field, N)?.try_into().map_err(|_| Malformed { field, offset })
    }

    /// Takes so many arrays.
    pub(super) fn chunks<const N: usize>(
        &mut self,
        field: &'static str,
        count: usize,
    ) -> Result<&'a [[u8; N]], Malformed> {
        let there = self.rest.len() / N;
        if there < count {
            return Err(Malformed { field, offset: self.at + there * N });
        }
        Ok(self.take(field, count * N)?.as_chunks().0)
    }

    /// Takes the constant `expected`, or fails at its first byte.
    pub(super) fn constant(
        &mut self,
        field: &'static str,
        expected: &[u8],
    ) -> Result<(), Malformed> {
        self.map(field, |reader| {
            (reader.take(field, expected.len())? == expected)
                .then_some(())
                .ok_or(reader.fail(field))
        })
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.array(field).map(|[byte]| *byte)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Malformed> {
        self.array(field).map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array(field).map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.array(field).map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(super) fn i64(&mut self, field: &'static str) -> Result<i64, Malformed> {
        self.array(field).map(|bytes| i64::from_be_bytes(*bytes))
    }

    /// len16(x) as bytes.
    pub(super) fn len16(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        self.map(field, |reader| {
            let len = reader.u16(field)?;
            reader.take(field, usize::from(len))
        })
    }

    /// len16(x) as UTF-8 that passes `check`.
    pub(super) fn text(
        &mut self,
        field: &'static str,
        check: impl FnOnce(&str) -> bool,
    ) -> Result<&'a str, Malformed> {
        self.map(field, |reader| {
            let text = str::from_utf8(reader.len16(field)?).map_err(|_| reader.fail(field))?;
            check(text).then_some(text).ok_or(reader.fail(field))
        })
    }

    /// Converts what `read` gives, blaming the field as a whole where it fails.
    pub(super) fn map<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let offset = self.at;
        read(self).map_err(|_| Malformed { field, offset })
    }

    /// Nothing may follow.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(self.fail("end")) }
    }

    pub(super) fn fail(&self, field: &'static str) -> Malformed {
        Malformed { field, offset: self.at }
    }
}

/// A list of texts, each len16, inside a len16: `len16(topics, each len16)`.
pub(super) fn read_texts(
    reader: &mut Reader<'_>,
    field: &'static str,
    check: impl Fn(&str) -> bool,
) -> Result<Vec<Box<str>>, Malformed> {
    let begin = reader.at() + 2;
    let mut inner = Reader::new(reader.len16(field)?);
    let mut texts = Vec::new();
    while !inner.is_empty() {
        let text = inner
            .text(field, &check)
            .map_err(|error| Malformed { field, offset: begin + error.offset })?;
        texts.push(text.into());
    }
    Ok(texts)
}

/// A list of texts that was checked, where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a>(&'a [u8]);

impl<'a> Texts<'a> {
    /// Checks `len16(texts, each len16)` without copying it.
    pub(super) fn read(
        reader: &mut Reader<'a>,
        field: &'static str,
        check: impl Fn(&str) -> bool,
    ) -> Result<Self, Malformed> {
        let begin = reader.at() + 2;
        let bytes = reader.len16(field)?;
        let mut inner = Reader::new(bytes);
        while !inner.is_empty() {
            inner
                .text(field, &check)
                .map_err(|error| Malformed { field, offset: begin + error.offset })?;
        }
        Ok(Self(bytes))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.0);
        // It ends at the end, or at what was not checked: there is nothing of that kind.
        std::iter::from_fn(move || {
            if reader.is_empty() { None } else { reader.text("text", |_| true).ok() }
        })
    }
}

/// A text or list that does not fit its length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is too long")]
pub struct TooLong {
    /// The field.
    pub field: &'static str,
}

pub(super) fn put_len16(
    out: &mut Vec<u8>,
    field: &'static str,
    bytes: &[u8],
) -> Result<(), TooLong> {
    let len = u16::try_from(bytes.len()).map_err(|_| TooLong { field })?;
    out.extend(len.to_be_bytes());
    out.extend(bytes);
    Ok(())
}

pub(super) fn put_texts(
    out: &mut Vec<u8>,
    field: &'static str,
    texts: &[Box<str>],
) -> Result<(), TooLong> {
    let mut inner = Vec::new();
    for text in texts {
        put_len16(&mut inner, field, text.as_bytes())?;
    }
    put_len16(out, field, &inner)
}
