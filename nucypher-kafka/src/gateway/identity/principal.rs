//! Who a client is, in Kafka's own form: `User:alice`.

use std::{fmt, str::FromStr, sync::Arc};

const PREFIX: &str = "User:";

/// A Kafka principal of type `User`. Public: it stands in logs, metrics and grants.
///
/// Compared byte for byte, as Kafka does: no case folding, no Unicode normalisation. A clone costs one
/// reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Arc<str>);

/// Why a text is no principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalError {
    /// There is no name.
    #[error("the name of a principal is empty; write User:NAME")]
    Empty,
    /// It is longer than [`Principal::MAX_LEN`].
    #[error("a principal of {len} bytes; at most {} are allowed", Principal::MAX_LEN)]
    TooLong {
        /// Its length in bytes, with `User:`.
        len: usize,
    },
    /// It has a character that does not show, or that shows another text than the one that is compared.
    #[error("a control or direction character at byte {at} of a principal's name")]
    Control {
        /// Its offset in the name.
        at: usize,
    },
    /// It has a type that is not `User`.
    #[error(
        "only principals of type User are supported; write User:NAME, also where NAME has a colon"
    )]
    Type,
}

impl Principal {
    /// The longest principal in bytes, with `User:`. A subject DN of six attributes at their X.520
    /// limits of 64 characters has about 450 bytes.
    pub const MAX_LEN: usize = 1024;

    /// The principal of a user, the name taken as it stands: `a:b` gives `User:a:b`.
    ///
    /// # Errors
    /// [`PrincipalError`] unless the name is 1 to 1019 bytes of visible text.
    pub fn user(name: &str) -> Result<Self, PrincipalError> {
        if name.is_empty() {
            return Err(PrincipalError::Empty);
        }
        let len = PREFIX.len().saturating_add(name.len());
        if len > Self::MAX_LEN {
            return Err(PrincipalError::TooLong { len });
        }
        if let Some((at, _)) = name.char_indices().find(|(_, c)| misleads(*c)) {
            return Err(PrincipalError::Control { at });
        }
        Ok(Self(format!("{PREFIX}{name}").into()))
    }

    /// The name without `User:`.
    pub fn name(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or(&self.0)
    }

    /// The whole principal, `User:` and the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, line separators, and those that turn the direction of the text around.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Parses what a person writes: `User:NAME`, or a bare name.
///
/// A bare name that begins like another type (`Group:x`, `user:x`) is an error, not a surprise.
impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        if let Some(name) = text.strip_prefix(PREFIX) {
            return Self::user(name);
        }
        match text.split_once(':') {
            Some((kind, _)) if kind.bytes().all(|b| b.is_ascii_alphabetic()) => {
                Err(PrincipalError::Type)
            }
            _ => Self::user(text),
        }
    }
}

impl AsRef<str> for Principal {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_becomes_a_user() {
        for (text, principal) in [
            ("alice", "User:alice"),
            ("User:alice", "User:alice"),
            ("User:User:alice", "User:User:alice"),
            ("User:a:b", "User:a:b"),
            ("CN=a:b,O=y", "User:CN=a:b,O=y"),
            ("Größe", "User:Größe"),
            ("10.0.0.1:9092", "User:10.0.0.1:9092"),
        ] {
            let parsed: Principal = text.parse().unwrap();
            assert_eq!(parsed.to_string(), principal);
            assert_eq!(principal.parse::<Principal>().unwrap(), parsed);
            assert_eq!(Principal::user(parsed.name()).unwrap(), parsed);
        }
        assert_eq!(Principal::user("Group:x").unwrap().as_str(), "User:Group:x");
    }

    #[test]
    fn what_is_no_principal() {
        for text in ["", "User:"] {
            assert_eq!(text.parse::<Principal>(), Err(PrincipalError::Empty));
        }
        for text in ["Group:x", "user:x", ":x", "USER:x"] {
            assert_eq!(text.parse::<Principal>(), Err(PrincipalError::Type), "{text}");
        }
        assert_eq!(Principal::user("a\0b"), Err(PrincipalError::Control { at: 1 }));
        for c in ['\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}', '\u{2066}'] {
            assert_eq!(Principal::user(&format!("ab{c}")), Err(PrincipalError::Control { at: 2 }));
        }
        assert!(Principal::user(&"a".repeat(1019)).is_ok());
        assert_eq!(Principal::user(&"a".repeat(1020)), Err(PrincipalError::TooLong { len: 1025 }));
    }
}
