//! A signed body as it is stored: a file of the directory, later the value of a record in a
//! compacted topic. Decoding proves nothing; [`Entry::verify`] does.
//!
//! `docs/spec/registry.md`, "Entry":
//!
//! ```text
//! version = 1 || kind || sig_id of the administrator (8) || len32(body) || Ed25519 signature (64) || sealed keys (80 each)
//! ```
//!
//! In a file: PEM (RFC 7468), lines of 64, a label for each kind, nothing before or after.

use std::{fmt, ops::Range, str::FromStr, sync::Arc};

use ed25519_dalek::{Signer, SigningKey};
use pem_rfc7468::LineEnding;
use sha2::{Digest, Sha256};

use super::{
    channel::ChannelDescriptor,
    codec::{Malformed, Reader, TooLong},
    grant::{GrantBody, GrantView, PassThroughBody},
    head::Head,
    key::{AdministratorKey, SigningKeyId, id},
    seal::SEALED_LEN,
};

const VERSION: u8 = 1;
const ENTRY_DOMAIN: &[u8] = b"nucypher/v1/entry";

/// A body is at most 1 MiB: a head that removes 131 000 entries at once, a descriptor of 20 000
/// keys. A longer one is refused before anything is allocated for it.
pub(super) const MAX_BODY: u32 = 1 << 20;
const MAX_SEALED: usize = 255 * SEALED_LEN;
/// 1 MiB of body, 20 KiB of sealed keys, a third more for base64, line ends and labels.
pub(super) const MAX_PEM: u64 = 1_500_000;

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryKind {
    /// A channel's descriptor.
    Channel,
    /// A grant with its sealed re-encryption keys.
    Grant,
    /// A pass-through grant.
    PassThrough,
    /// The head.
    Head,
}

impl EntryKind {
    const ALL: [Self; 4] = [Self::Channel, Self::Grant, Self::PassThrough, Self::Head];

    fn as_byte(self) -> u8 {
        match self {
            Self::Channel => 1,
            Self::Grant => 2,
            Self::PassThrough => 3,
            Self::Head => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_byte() == byte)
    }

    /// The PEM label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Channel => "NUCYPHER CHANNEL",
            Self::Grant => "NUCYPHER GRANT",
            Self::PassThrough => "NUCYPHER PASSTHROUGH GRANT",
            Self::Head => "NUCYPHER REGISTRY HEAD",
        }
    }

    /// How the file's name begins.
    pub(super) fn stem(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Grant => "grant",
            Self::PassThrough => "pass-through",
            Self::Head => "head",
        }
    }
}

id! {
    /// The first 8 bytes of SHA-256("nucypher/v1/entry" || entry): names an entry, also a grant.
    EntryId
}

/// Why stored bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Not PEM as this specification writes it.
    #[error("not a PEM file in the registry's form")]
    NotPem,
    /// Longer than any entry.
    #[error("longer than any entry")]
    TooLong,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// The label belongs to another kind.
    #[error("the label does not fit the kind of entry")]
    Label,
    /// The bytes are not an entry.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The signature does not verify.
    #[error("the signature does not verify under the administrator's key")]
    Signature,
}

/// A stored entry, well-formed, not verified. Cheap to clone. A million of them are held, so it takes
/// 48 bytes beside its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    bytes: Arc<[u8]>,
    hash: [u8; 32],
}

/// Where the body begins.
const BODY_AT: usize = 14;
const SIGNATURE_LEN: usize = 64;

impl Entry {
    /// Decodes the binary form, strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.constant("version", &[VERSION])?;
        let kind = reader.map("kind", |reader| {
            EntryKind::from_byte(reader.u8("kind")?).ok_or(reader.fail("kind"))
        })?;
        reader.take("signer", 8)?;
        let len_at = reader.fail("body length");
        let body_len = reader.u32("body length")?;
        let len = match usize::try_from(body_len) {
            Ok(fits) if body_len <= MAX_BODY => fits,
            _ => return Err(len_at),
        };
        reader.take("body", len)?;
        reader.take("signature", SIGNATURE_LEN)?;
        let sealed_at = reader.fail("sealed keys");
        let sealed = bytes.len().saturating_sub(reader.at());
        let allowed = match kind {
            EntryKind::Grant => sealed <= MAX_SEALED && sealed.is_multiple_of(SEALED_LEN),
            _ => sealed == 0,
        };
        if !allowed {
            return Err(sealed_at);
        }
        let hash = Sha256::new_with_prefix(ENTRY_DOMAIN).chain_update(bytes).finalize().into();
        Ok(Self { bytes: bytes.into(), hash })
    }

    /// Reads the text form. Only the very text that [`to_pem`](Self::to_pem) writes is accepted.
    pub fn from_pem(text: &[u8]) -> Result<Self, EntryError> {
        if u64::try_from(text.len()).is_ok_and(|len| len > MAX_PEM) {
            return Err(EntryError::TooLong);
        }
        let (label, bytes) = pem_rfc7468::decode_vec(text).map_err(|_| EntryError::NotPem)?;
        let entry = Self::decode(&bytes)?;
        if label != entry.kind().label() {
            return Err(EntryError::Label);
        }
        if entry.to_pem().as_bytes() != text {
            return Err(EntryError::NotPem);
        }
        Ok(entry)
    }

    /// Writes the text form.
    pub fn to_pem(&self) -> String {
        // The label is a constant and the length is bounded, so there is nothing to refuse; an
        // empty text would not decode.
        pem_rfc7468::encode_string(self.kind().label(), LineEnding::LF, &self.bytes)
            .unwrap_or_default()
    }

    /// Signs a body. `sealed` holds the sealed keys, joined; empty for all kinds but a grant.
    pub(super) fn sign(
        kind: EntryKind,
        body: &[u8],
        key: &SigningKey,
        signer: SigningKeyId,
        sealed: &[u8],
    ) -> Result<Self, TooLong> {
        let too_long = TooLong { field: "entry" };
        let len = u32::try_from(body.len()).ok().filter(|len| *len <= MAX_BODY).ok_or(too_long)?;
        let mut bytes = vec![VERSION, kind.as_byte()];
        bytes.extend(signer.as_bytes());
        bytes.extend(len.to_be_bytes());
        bytes.extend(body);
        bytes.extend(key.sign(body).to_bytes());
        bytes.extend(sealed);
        Self::decode(&bytes).map_err(|_| too_long)
    }

    /// Checks the signature.
    pub fn verify(&self, administrator: &AdministratorKey) -> Result<(), EntryError> {
        let signature = self.bytes.get(self.body().len().saturating_add(BODY_AT)..);
        let signature = signature.and_then(|rest| rest.first_chunk::<SIGNATURE_LEN>());
        let holds = self.signer() == administrator.id()
            && signature.is_some_and(|signature| administrator.verifies(self.body(), signature));
        if holds { Ok(()) } else { Err(EntryError::Signature) }
    }

    /// The binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the entry says.
    pub fn kind(&self) -> EntryKind {
        // It was one when the entry was decoded. A head is no grant and no channel.
        self.bytes.get(1).and_then(|kind| EntryKind::from_byte(*kind)).unwrap_or(EntryKind::Head)
    }

    /// Who claims to have signed it.
    pub fn signer(&self) -> SigningKeyId {
        let signer = self.bytes.get(2..).and_then(|rest| rest.first_chunk());
        SigningKeyId::from_bytes(signer.copied().unwrap_or_default())
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        let [a, b, c, d, e, f, g, h, ..] = self.hash;
        EntryId([a, b, c, d, e, f, g, h])
    }

    pub(super) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_range()).unwrap_or_default()
    }

    fn body_range(&self) -> Range<usize> {
        // The length was checked when the entry was decoded, so it fits.
        let len = self.bytes.get(10..).and_then(|rest| rest.first_chunk()).copied();
        let len = usize::try_from(u32::from_be_bytes(len.unwrap_or_default())).unwrap_or(0);
        BODY_AT..BODY_AT.saturating_add(len)
    }

    /// The sealed keys, in the order of the body's gateway key ids.
    pub(super) fn sealed(&self) -> &[[u8; SEALED_LEN]] {
        let begin = self.body_range().end.saturating_add(SIGNATURE_LEN);
        self.bytes.get(begin..).unwrap_or_default().as_chunks().0
    }

    /// The grant's body, parsed without decoding its points.
    pub(super) fn grant_view(&self) -> Result<GrantView<'_>, Malformed> {
        let view = GrantView::parse(self.body())?;
        if view.gateways.len() == self.sealed().len() {
            Ok(view)
        } else {
            Err(Malformed { field: "sealed keys", offset: self.bytes.len() })
        }
    }

    pub(super) fn decode_grant(&self) -> Result<GrantBody, Malformed> {
        let body = GrantBody::decode(self.body())?;
        if body.gateways.len() == self.sealed().len() {
            Ok(body)
        } else {
            Err(Malformed { field: "sealed keys", offset: self.bytes.len() })
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?}, {}, signed by {})", self.kind(), self.id(), self.signer())
    }
}

/// The fuzz target `registry_entry`: no input panics, and what decodes encodes to itself.
#[doc(hidden)]
pub fn fuzz_registry_entry(data: &[u8]) {
    let entry = match Entry::from_pem(data) {
        Ok(entry) => {
            assert_eq!(entry.to_pem().as_bytes(), data);
            entry
        }
        Err(_) => match Entry::decode(data) {
            Ok(entry) => entry,
            Err(_) => return fuzz_bodies(data),
        },
    };
    fuzz_bodies(entry.body());
    let _ = entry.decode_grant();
}

fn fuzz_bodies(body: &[u8]) {
    if let Ok(grant) = GrantBody::decode(body) {
        assert_eq!(grant.encode().as_deref(), Ok(body));
    }
    if let Ok(channel) = ChannelDescriptor::decode(body) {
        assert_eq!(channel.encode().as_deref(), Ok(body));
    }
    if let Ok(pass_through) = PassThroughBody::decode(body) {
        assert_eq!(pass_through.encode().as_deref(), Ok(body));
    }
    if let Ok(head) = Head::decode(body) {
        assert_eq!(head.encode().as_deref(), Ok(body));
    }
}
