//! A password in memory: wiped when dropped, never shown.

use std::fmt;

use zeroize::Zeroizing;

/// A password. UTF-8 as it stands: like Kafka's Java code and librdkafka, and unlike RFC 4013, nothing
/// is normalised, so that one password gives the same SCRAM keys everywhere.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// It is empty.
    #[error("the password is empty")]
    Empty,
    /// It is longer than [`Password::MAX_LEN`].
    #[error("the password is longer than {} bytes", Password::MAX_LEN)]
    TooLong,
    /// It has a NUL, which SASL PLAIN uses as its separator.
    #[error("the password has a NUL character")]
    Nul,
}

impl Password {
    /// The longest password in bytes: hosted Kafkas take tokens of a few kilobytes as passwords.
    pub const MAX_LEN: usize = 8192;

    /// Take a password over; the text is wiped with it.
    ///
    /// # Errors
    /// [`PasswordError`] where it is empty, too long or has a NUL.
    pub fn new(text: impl Into<Zeroizing<String>>) -> Result<Self, PasswordError> {
        let text = text.into();
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(PasswordError::TooLong);
        }
        if text.contains('\0') {
            return Err(PasswordError::Nul);
        }
        Ok(Self(text))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
