//! Re-encryption keys sealed to gateways: HPKE (RFC 9180), base mode, DHKEM(X25519,
//! HKDF-SHA-256), HKDF-SHA-256, AES-256-GCM; info = SHA-256(grant body), empty aad.
//!
//! ```text
//! sealed key = enc (32) || AES-256-GCM(rk as 32 bytes) (32) || tag (16)
//! ```
//!
//! The info binds a sealed key to its grant: moved to another grant it does not open.

use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable,
    aead::{AeadTag, AesGcm256},
    inout::InOutBuf,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::key::{GatewayPublicKey, GatewaySecretKey};

const SCALAR_LEN: usize = 32;
const ENC_LEN: usize = 32;
const TAG_LEN: usize = 16;
/// The length of one sealed key: 80 bytes.
pub(super) const SEALED_LEN: usize = ENC_LEN + SCALAR_LEN + TAG_LEN;

/// Seals a re-encryption key to one gateway. Cost: two X25519 multiplications.
pub(super) fn seal(
    scalar: &Zeroizing<[u8; SCALAR_LEN]>,
    body: &[u8],
    gateway: &GatewayPublicKey,
    rng: &mut impl CryptoRng,
) -> Result<[u8; SEALED_LEN], HpkeError> {
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&gateway.to_bytes())?;
    let mut text = scalar.clone();
    let (enc, tag) =
        hpke::single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &recipient,
            &Sha256::digest(body),
            InOutBuf::from(text.as_mut_slice()),
            &[],
            rng,
        )?;
    let mut sealed = [0; SEALED_LEN];
    let parts = enc.to_bytes().into_iter().chain(text.iter().copied()).chain(tag.to_bytes());
    sealed.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    Ok(sealed)
}

/// Opens a re-encryption key. The result is the secret. Cost: one X25519 multiplication.
pub(super) fn open(
    sealed: &[u8; SEALED_LEN],
    body: &[u8],
    gateway: &GatewaySecretKey,
) -> Result<Zeroizing<[u8; SCALAR_LEN]>, HpkeError> {
    let (enc, rest) = sealed.split_at(ENC_LEN);
    let (text, tag) = rest.split_at(SCALAR_LEN);
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(enc)?;
    let tag = AeadTag::<AesGcm256>::from_bytes(tag)?;
    let mut scalar = Zeroizing::new([0; SCALAR_LEN]);
    scalar.copy_from_slice(text);
    hpke::single_shot_open_inout_detached::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        gateway.hpke(),
        &enc,
        &Sha256::digest(body),
        InOutBuf::from(scalar.as_mut_slice()),
        &[],
        &tag,
    )?;
    Ok(scalar)
}
