//! Sealed files: one EDEK, then one sealed value, no key bound. No Kafka needed.
//!
//! The program's file commands call this, and whoever carries messages over something else.
//! Specification: `docs/spec/envelope.md`, "Sealed file".

use nucypher_pre::{PublicKey, ReencryptionKey, SecretKey, rand_core::CryptoRng};

use crate::{
    binding::{Binding, ChannelName},
    compression::Compressor,
    edek::{Edek, WHOLE_VALUE},
    error::{Malformed, OpenError, ReencryptError, SealError},
    limits::{EDEK_LEN, MAX_DECOMPRESSED_FILE, SEALED_OVERHEAD},
    session::{Bound, Session},
    text::{Padding, Text},
    value::SealedValue,
};

/// What a sealed file adds to its plaintext.
pub const FILE_OVERHEAD: usize = EDEK_LEN + SEALED_OVERHEAD;

/// Seals a file under a public key: 131 bytes more than the plaintext.
///
/// Errors: [`SealError::TooLarge`]. Cost: two multiplications, one copy, one AEAD call.
pub fn seal_file(
    to: &PublicKey,
    context: &ChannelName,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let text = Text::new(plaintext, Padding::None, &mut Compressor::none())?;
    let bound = Bound { channel: context, key: None, place: None };
    // A session of one value, so its age does not matter.
    let (session, value) = Session::begin(to, 0, rng).seal(text, &bound)?;
    let mut file = Vec::with_capacity(EDEK_LEN.saturating_add(value.len()));
    file.extend_from_slice(session.edek().as_bytes());
    file.extend_from_slice(&value);
    Ok(file)
}

/// Opens a sealed file with the key that opens it now.
///
/// Errors: as opening a record; [`OpenError::TooLarge`] for a compressed file beyond 1 GiB.
pub fn open_file(
    key: &SecretKey,
    context: &ChannelName,
    file: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let (edek, rest) = split_file(file)?;
    let value = SealedValue::parse(rest).map_err(|flaw| flaw.within(EDEK_LEN))?;
    if value.flags().key_bound() {
        return Err(Malformed::new("flags", EDEK_LEN, "a key is bound in a file").into());
    }
    let dek = edek.decapsulate(key)?;
    let binding = Binding { context: context.as_str().as_bytes(), key: None, place: None };
    value.open(&dek, &edek, &binding, MAX_DECOMPRESSED_FILE).map_err(|error| match error {
        OpenError::Malformed(flaw) => flaw.within(EDEK_LEN).into(),
        other => other,
    })
}

/// Re-encrypts a sealed file to another key. What is sealed stays byte for byte.
///
/// Errors: [`ReencryptError`]. Cost: one multiplication, one copy.
pub fn reencrypt_file(key: &ReencryptionKey, file: &[u8]) -> Result<Vec<u8>, ReencryptError> {
    let (edek, rest) = split_file(file)?;
    SealedValue::parse(rest).map_err(|flaw| flaw.within(EDEK_LEN))?;
    let mut reencrypted = Vec::with_capacity(file.len());
    reencrypted.extend_from_slice(edek.reencrypt(key)?.as_bytes());
    reencrypted.extend_from_slice(rest);
    Ok(reencrypted)
}

/// The EDEK of a sealed file, and what follows it.
///
/// Errors: too short, an EDEK that is malformed, or one for a field.
pub fn split_file(file: &[u8]) -> Result<(Edek, &[u8]), Malformed> {
    let (edek, rest) = file.split_first_chunk::<EDEK_LEN>().ok_or(Malformed::new(
        "length",
        file.len(),
        "shorter than an EDEK",
    ))?;
    let edek = Edek::check(edek)?;
    if edek.slot() != WHOLE_VALUE {
        return Err(Malformed::new("slot", Edek::SLOT_AT, "a file holds a whole value"));
    }
    Ok((edek, rest))
}
