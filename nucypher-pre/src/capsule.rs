//! The KEM ciphertext and the precursor that travels with it.

use core::fmt;

use crate::{
    curve::{POINT_LEN, Point},
    error::Error,
};

macro_rules! public_point {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub(crate) Point);

        impl $name {
            /// Decodes SEC 1 compressed, exactly 33 bytes.
            ///
            /// Errors: [`Error::Length`], [`Error::NotOnCurve`]. Cost: one square root.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
                Point::from_compressed(bytes).map(Self)
            }

            /// Encodes SEC 1 compressed, 33 bytes.
            pub fn to_bytes(&self) -> [u8; POINT_LEN] {
                self.0.to_compressed()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                for byte in self.to_bytes() {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(")")
            }
        }
    };
}

public_point! {
    /// One point C that encapsulates a shared secret. Public; 33 bytes on the wire.
    Capsule
}

public_point! {
    /// X = xG, which travels with a capsule that a non-interactive key re-encrypted. Public;
    /// 33 bytes on the wire.
    Precursor
}
