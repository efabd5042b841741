//! The KEM ciphertext and the precursor that travels with it.

use alloc::vec::Vec;
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

impl Capsule {
    /// Decodes many, each with its own result. Cost: 0.6 of [`from_bytes`](Self::from_bytes) each.
    ///
    /// Errors: [`Error::Length`], [`Error::NotOnCurve`], for each capsule by itself.
    pub fn from_bytes_batch<B: AsRef<[u8]>>(encoded: &[B]) -> Vec<Result<Self, Error>> {
        let (pairs, rest) = encoded.as_chunks::<2>();
        let pairs = pairs.iter().flat_map(|pair| {
            Point::from_compressed_pair(pair.each_ref().map(AsRef::as_ref)).map(|p| p.map(Self))
        });
        pairs.chain(rest.iter().map(|bytes| Self::from_bytes(bytes.as_ref()))).collect()
    }
}
