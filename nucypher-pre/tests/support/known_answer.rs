//! How known answers are read, and a generator that gives what they say was drawn.
#![allow(dead_code, clippy::panic, clippy::unwrap_used, reason = "each test uses a part of it")]

use std::{convert::Infallible, fs, path::Path};

use nucypher_pre::rand_core::{TryCryptoRng, TryRng};
use serde::{Deserialize, de::DeserializeOwned};

/// Bytes as hexadecimal digits.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        hex::decode(text).map(Self)
    }
}

#[derive(Deserialize)]
struct File<T> {
    vectors: Vec<T>,
}

pub(crate) fn load<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let file: File<T> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(!file.vectors.is_empty(), "{name} is empty");
    file.vectors
}

/// Gives the bytes that it was made with, in order, and no more.
#[derive(Default)]
pub(crate) struct Drawn(Vec<u8>);

impl Drawn {
    /// A scalar is drawn as 64 bytes modulo n: 32 zeros and then the scalar.
    pub(crate) fn scalar(mut self, scalar: &[u8]) -> Self {
        self.0.extend([0; 32]);
        self.0.extend(scalar);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("everything is drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("everything is drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
