//! Kafka's primitive types: a bounded reader over one frame, and the few writers that are needed.
//!
//! The reader carries whether the message is *flexible* (KIP-482): then strings, byte strings and
//! arrays have compact lengths and every structure ends in tagged fields. So one walk reads both
//! encodings, and a call site names a field only once.
//!
//! Cost: a comparison and an addition for each field; nothing is copied or allocated.

use std::ops::Range;

/// What is wrong with a message, and where; offsets count from the start of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} at byte {offset} {flaw}")]
pub struct Malformed {
    /// The field, named as in Kafka's schemas.
    pub field: &'static str,
    /// Where the field begins, or where its bytes end.
    pub offset: usize,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// How a field can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The bytes end before the field does.
    #[error("is cut off")]
    Short,
    /// The field holds what it must not hold.
    #[error("is invalid")]
    Value,
}

/// The result of reading a field.
pub type Read<T> = Result<T, Malformed>;

/// A 128-bit identifier, such as a topic id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// The id that stands for "none".
    pub const ZERO: Self = Self([0; 16]);
}

/// A cursor over the bytes of one message.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from offset `at` on.
    #[must_use]
    pub fn new(bytes: &'a [u8], at: usize, flexible: bool) -> Self {
        Self { bytes, at: at.min(bytes.len()), flexible }
    }

    /// The same bytes from the same offset, in the other encoding.
    #[must_use]
    pub fn with_flexible(&self, flexible: bool) -> Self {
        Self { flexible, ..self.clone() }
    }

    /// The offset of the next byte.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether lengths are compact and structures end in tagged fields.
    #[must_use]
    pub fn is_flexible(&self) -> bool {
        self.flexible
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Ends a walk: a message whose bytes go on behind its last field is not the message we took it
    /// for, and what is behind may be an address.
    pub fn end(&self) -> Read<()> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(Malformed { field: "end of message", offset: self.at, flaw: Flaw::Value }),
        }
    }

    /// Takes the next `n` bytes.
    pub fn take(&mut self, n: usize, field: &'static str) -> Read<&'a [u8]> {
        let taken = self.at.checked_add(n).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or(Malformed { field, offset: self.at, flaw: Flaw::Short })?;
        self.at += n;
        Ok(taken)
    }

    fn array_of<const N: usize>(&mut self, field: &'static str) -> Read<[u8; N]> {
        let offset = self.at;
        let taken = self.take(N, field)?;
        taken.try_into().map_err(|_| Malformed { field, offset, flaw: Flaw::Short })
    }

    /// Reads an INT8.
    pub fn i8(&mut self, field: &'static str) -> Read<i8> {
        self.array_of(field).map(i8::from_be_bytes)
    }

    /// Reads an INT16.
    pub fn i16(&mut self, field: &'static str) -> Read<i16> {
        self.array_of(field).map(i16::from_be_bytes)
    }

    /// Reads an INT32.
    pub fn i32(&mut self, field: &'static str) -> Read<i32> {
        self.array_of(field).map(i32::from_be_bytes)
    }

    /// Reads an INT64.
    pub fn i64(&mut self, field: &'static str) -> Read<i64> {
        self.array_of(field).map(i64::from_be_bytes)
    }

    /// Reads a UUID.
    pub fn uuid(&mut self, field: &'static str) -> Read<Uuid> {
        self.array_of(field).map(Uuid)
    }

    /// Reads an UNSIGNED_VARINT: at most five bytes, at most 2^32 - 1.
    pub fn uvarint(&mut self, field: &'static str) -> Read<u32> {
        let offset = self.at;
        let mut value = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.i8(field)?.cast_unsigned();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed {
                    field,
                    offset,
                    flaw: Flaw::Value,
                });
            }
        }
        Err(Malformed { field, offset, flaw: Flaw::Value })
    }

    /// Reads the length that stands before a string, in either encoding; `None` is null.
    fn string_len(&mut self, field: &'static str) -> Read<Option<usize>> {
        if self.flexible {
            return self.compact_len(field);
        }
        let offset = self.at;
        match self.i16(field)? {
            -1 => Ok(None),
            n => usize::try_from(n).map(Some).map_err(|_| Malformed {
                field,
                offset,
                flaw: Flaw::Value,
            }),
        }
    }

    /// Reads the length that stands before an array or a byte string, in either encoding.
    fn long_len(&mut self, field: &'static str) -> Read<Option<usize>> {
        if self.flexible {
            return self.compact_len(field);
        }
        let offset = self.at;
        match self.i32(field)? {
            -1 => Ok(None),
            n => usize::try_from(n).map(Some).map_err(|_| Malformed {
                field,
                offset,
                flaw: Flaw::Value,
            }),
        }
    }

    fn compact_len(&mut self, field: &'static str) -> Read<Option<usize>> {
        let offset = self.at;
        match self.uvarint(field)?.checked_sub(1) {
            None => Ok(None),
            Some(n) => usize::try_from(n).map(Some).map_err(|_| Malformed {
                field,
                offset,
                flaw: Flaw::Value,
            }),
        }
    }

    /// Reads a string that may be null.
    ///
    /// # Errors
    ///
    /// The string is cut off or is not UTF-8.
    pub fn nullable_string(&mut self, field: &'static str) -> Read<Option<&'a str>> {
        let Some(len) = self.string_len(field)? else { return Ok(None) };
        let offset = self.at;
        let bytes = self.take(len, field)?;
        std::str::from_utf8(bytes).map(Some).map_err(|_| Malformed {
            field,
            offset,
            flaw: Flaw::Value,
        })
    }

    /// Reads a string that may not be null.
    pub fn string(&mut self, field: &'static str) -> Read<&'a str> {
        let offset = self.at;
        self.nullable_string(field)?.ok_or(Malformed { field, offset, flaw: Flaw::Value })
    }

    /// Passes over a string without looking into it.
    pub fn skip_string(&mut self, field: &'static str) -> Read<()> {
        let len = self.string_len(field)?.unwrap_or(0);
        self.take(len, field).map(|_| ())
    }

    /// Reads a byte string (BYTES or RECORDS) and says where its bytes lie; `None` is null.
    pub fn byte_range(&mut self, field: &'static str) -> Read<Option<Range<usize>>> {
        let Some(len) = self.long_len(field)? else { return Ok(None) };
        let start = self.at;
        self.take(len, field)?;
        Ok(Some(start..self.at))
    }

    /// Reads the number of elements of an array; `None` is null.
    ///
    /// Ensures: the number is at most the number of bytes left, for no element is empty. So a
    /// count from the wire can be looped over; reserve nothing for it.
    pub fn array(&mut self, field: &'static str) -> Read<Option<usize>> {
        let offset = self.at;
        match self.long_len(field)? {
            Some(n) if n > self.remaining() => Err(Malformed { field, offset, flaw: Flaw::Short }),
            n => Ok(n),
        }
    }

    /// Passes over an array whose elements have `size` bytes each.
    pub fn skip_array_of(&mut self, size: usize, field: &'static str) -> Read<()> {
        let n = self.array(field)?.unwrap_or(0);
        let bytes =
            n.checked_mul(size).ok_or(Malformed { field, offset: self.at, flaw: Flaw::Short })?;
        self.take(bytes, field).map(|_| ())
    }

    /// Reads the tagged fields that end a structure of a flexible message, handing each one's tag
    /// and place to `each`; in other messages there are none.
    pub fn tags(&mut self, mut each: impl FnMut(&mut Tag<'a>) -> Read<()>) -> Read<()> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint("tagged fields")? {
            let tag = self.uvarint("tag")?;
            let size_at = self.at;
            let size = self.uvarint("tag size")?;
            let start = self.at;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            self.take(size, "tagged field")?;
            let value = self.bytes.get(..self.at).unwrap_or_default();
            each(&mut Tag {
                number: tag,
                size: size_at..start,
                value: Self::new(value, start, true),
            })?;
        }
        Ok(())
    }

    /// Passes over the tagged fields that end a structure.
    pub fn skip_tags(&mut self) -> Read<()> {
        self.tags(|_| Ok(()))
    }
}

/// One tagged field.
#[derive(Debug)]
pub struct Tag<'a> {
    /// Its number in the schema.
    pub number: u32,
    /// Where its size stands.
    pub size: Range<usize>,
    /// A reader over its value and nothing behind it.
    pub value: Reader<'a>,
}

/// Appends an UNSIGNED_VARINT.
pub fn put_uvarint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a string; what is longer than the encoding can say is cut at 32767 bytes.
pub fn put_string(out: &mut Vec<u8>, flexible: bool, text: &str) {
    let longest = usize::from(i16::MAX.unsigned_abs()).min(text.len());
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let text = text.get(..end).unwrap_or_default();
    let len = i16::try_from(text.len()).unwrap_or(i16::MAX);
    if flexible {
        put_uvarint(out, u32::from(len.unsigned_abs()) + 1);
    } else {
        out.extend_from_slice(&len.to_be_bytes());
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a string or null.
pub fn put_nullable_string(out: &mut Vec<u8>, flexible: bool, text: Option<&str>) {
    match text {
        Some(text) => put_string(out, flexible, text),
        None if flexible => out.push(0),
        None => out.extend_from_slice(&(-1i16).to_be_bytes()),
    }
}

/// Appends the number of elements of an array, or the length of a byte string.
pub fn put_len(out: &mut Vec<u8>, flexible: bool, len: usize) {
    let len = u32::try_from(len).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs());
    if flexible {
        put_uvarint(out, len + 1);
    } else {
        out.extend_from_slice(&len.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uvarint_round_trips_at_every_width() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            268_435_455,
            268_435_456,
            u32::MAX,
        ] {
            let mut out = Vec::new();
            put_uvarint(&mut out, value);
            let mut reader = Reader::new(&out, 0, true);
            assert_eq!(reader.uvarint("n"), Ok(value));
            assert_eq!(reader.remaining(), 0);
        }
    }

    #[test]
    fn uvarint_longer_than_32_bits_is_refused() {
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f], 0, true);
        assert_eq!(reader.uvarint("n").unwrap_err().flaw, Flaw::Value);
        let mut reader = Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0], 0, true);
        assert_eq!(reader.uvarint("n").unwrap_err().flaw, Flaw::Value);
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_before_anything_is_reserved() {
        let mut reader = Reader::new(&[0x7f, 0xff, 0xff, 0xff, 0], 0, false);
        assert_eq!(
            reader.array("topics"),
            Err(Malformed { field: "topics", offset: 0, flaw: Flaw::Short })
        );
    }

    #[test]
    fn strings_in_both_encodings() {
        for flexible in [false, true] {
            let mut out = Vec::new();
            put_string(&mut out, flexible, "orders");
            put_nullable_string(&mut out, flexible, None);
            let mut reader = Reader::new(&out, 0, flexible);
            assert_eq!(reader.string("a"), Ok("orders"));
            assert_eq!(reader.nullable_string("b"), Ok(None));
            assert_eq!(reader.remaining(), 0);
        }
    }

    #[test]
    fn a_tag_is_read_within_its_own_bytes() {
        // One tagged field, number 3, two bytes; its reader must not see the byte behind it.
        let bytes = [1, 3, 2, 0xaa, 0xbb, 0xcc];
        let mut reader = Reader::new(&bytes, 0, true);
        reader
            .tags(|tag| {
                assert_eq!((tag.number, tag.size.clone()), (3, 2..3));
                assert_eq!(tag.value.i16("v"), Ok(i16::from_be_bytes([0xaa, 0xbb])));
                assert_eq!(tag.value.i8("w").unwrap_err().flaw, Flaw::Short);
                Ok(())
            })
            .unwrap();
        assert_eq!(reader.remaining(), 1);
    }
}
