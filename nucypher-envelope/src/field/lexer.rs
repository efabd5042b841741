//! Strings and numbers of RFC 8259, strictly: where they end, and what a string says.
//!
//! Called by the scanner, over a document that is valid UTF-8. A string's control characters,
//! unknown escapes and unpaired surrogates are refused. Cost: eight bytes at a time in strings.

use std::borrow::Cow;

use crate::error::Malformed;

pub(super) const fn flaw(at: usize, why: &'static str) -> Malformed {
    Malformed::new("json", at, why)
}

/// A string as it stands: between its quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Str {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

impl Str {
    /// The bytes between the quotes.
    pub(super) fn raw<'d>(&self, text: &'d [u8]) -> &'d [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// What the string says.
    pub(super) fn decode<'d>(&self, text: &'d [u8]) -> Cow<'d, str> {
        let raw = self.raw(text);
        if self.escaped {
            Cow::Owned(unescape(raw).collect())
        } else {
            // The document was checked.
            String::from_utf8_lossy(raw)
        }
    }
}

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether one of eight bytes is a quote, a backslash or a control character; no false negatives.
fn has_special(word: u64) -> bool {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let quote = zero(word ^ ONES.wrapping_mul(b'"' as u64));
    let backslash = zero(word ^ ONES.wrapping_mul(b'\\' as u64));
    let control = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word & HIGHS;
    quote | backslash | control != 0
}

/// Lexes a string from behind its opening quote. Gives the string; its closing quote is at `end`.
pub(super) fn string(text: &[u8], start: usize) -> Result<Str, Malformed> {
    let mut at = start;
    let mut escaped = false;
    loop {
        while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            if has_special(u64::from_le_bytes(*word)) {
                break;
            }
            at += 8;
        }
        match text.get(at) {
            Some(b'"') => return Ok(Str { start, end: at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape(text, at)?;
            }
            Some(0..0x20) => return Err(flaw(at, "a control character in a string")),
            Some(_) => at += 1,
            None => return Err(flaw(at, "the string does not end")),
        }
    }
}

/// Checks the escape at a backslash and gives what follows.
fn escape(text: &[u8], at: usize) -> Result<usize, Malformed> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let unit = hex4(text, at + 2).ok_or(flaw(at, "not four hexadecimal digits"))?;
            match unit {
                0xD800..=0xDBFF => {
                    let low = (text.get(at + 6..at + 8) == Some(b"\\u"))
                        .then(|| hex4(text, at + 8))
                        .flatten();
                    match low {
                        Some(0xDC00..=0xDFFF) => Ok(at + 12),
                        _ => Err(flaw(at, "an unpaired surrogate")),
                    }
                }
                0xDC00..=0xDFFF => Err(flaw(at, "an unpaired surrogate")),
                _ => Ok(at + 6),
            }
        }
        _ => Err(flaw(at, "no such escape")),
    }
}

fn hex4(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?
        .iter()
        .try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

/// The characters of a string that [`string`] accepted.
pub(super) fn unescape(raw: &[u8]) -> impl Iterator<Item = char> + '_ {
    let mut rest = core::str::from_utf8(raw).unwrap_or_default().chars();
    core::iter::from_fn(move || match rest.next()? {
        '\\' => Some(match rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let mut unit = || -> Option<u32> {
                    (0..4).try_fold(0, |unit, _| Some(unit << 4 | rest.next()?.to_digit(16)?))
                };
                let first = unit()?;
                if (0xD800..0xDC00).contains(&first) {
                    rest.next()?;
                    rest.next()?;
                    let mut unit = || -> Option<u32> {
                        (0..4).try_fold(0, |unit, _| Some(unit << 4 | rest.next()?.to_digit(16)?))
                    };
                    let low = unit()?;
                    let low = low.checked_sub(0xDC00)?;
                    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low)?
                } else {
                    char::from_u32(first)?
                }
            }
            same => same,
        }),
        plain => Some(plain),
    })
}

/// Checks the number at `at` and gives what follows. The spelling is nobody's business.
pub(super) fn number(text: &[u8], mut at: usize) -> Result<usize, Malformed> {
    let digits = |mut at: usize| -> Result<usize, Malformed> {
        let from = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == from { Err(flaw(at, "a digit is missing")) } else { Ok(at) }
    };
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(text.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}
