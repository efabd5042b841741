//! The channel descriptor: the public keys under which producers of a channel encrypt, and the
//! topics that belong to it. Public; signed by the channel's administrator.
//!
//! `docs/spec/registry.md`, "Channel descriptor":
//!
//! ```text
//! "nucypher/v1/channel-body" || suite || flags || len16(channel) || len16(topics, each len16)
//! || revision as u64 || count of keys as u16
//! || per key: epoch as u32 || slot || len16(field) || public key (33)
//! ```

use nucypher_pre::{PublicKey, Suite};

use super::{
    codec::{Malformed, Reader, TooLong, put_len16, put_texts, read_texts},
    name::{is_field, is_name, is_topic},
};

const DOMAIN: &[u8] = b"nucypher/v1/channel-body";

/// Producers' records must be encrypted: the gateway refuses clear ones.
const FLAG_REQUIRE_ENCRYPTION: u8 = 1;

/// One delegating key of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelKey {
    /// The generation of the channel's keys.
    pub epoch: u32,
    /// The slot in which EDEKs under this key stand: 0 for the whole value.
    pub slot: u8,
    /// The protected field group; empty for the whole value.
    pub field: Box<str>,
    /// The key A under which producers encrypt.
    pub key: PublicKey,
}

/// What everyone may know about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelDescriptor {
    /// The channel's name.
    pub name: Box<str>,
    /// The suite of all its keys.
    pub suite: Suite,
    /// Whether the gateway refuses records that are not encrypted.
    pub require_encryption: bool,
    /// The topics that belong to the channel, ascending.
    pub topics: Vec<Box<str>>,
    /// When the descriptor was written, in the administrator's count.
    pub revision: u64,
    /// The delegating keys, ascending by (epoch, slot).
    pub keys: Vec<ChannelKey>,
}

impl ChannelDescriptor {
    /// The key of an epoch and a field.
    pub fn key(&self, epoch: u32, field: &str) -> Option<&ChannelKey> {
        self.keys.iter().find(|key| key.epoch == epoch && *key.field == *field)
    }

    /// The newest epoch.
    pub fn current_epoch(&self) -> Option<u32> {
        self.keys.last().map(|key| key.epoch)
    }

    /// Encodes the body that is signed.
    pub(super) fn encode(&self) -> Result<Vec<u8>, TooLong> {
        let mut out = DOMAIN.to_vec();
        out.push(self.suite.as_byte());
        out.push(if self.require_encryption { FLAG_REQUIRE_ENCRYPTION } else { 0 });
        put_len16(&mut out, "channel", self.name.as_bytes())?;
        put_texts(&mut out, "topics", &self.topics)?;
        out.extend(self.revision.to_be_bytes());
        let count = u16::try_from(self.keys.len()).map_err(|_| TooLong { field: "keys" })?;
        out.extend(count.to_be_bytes());
        for key in &self.keys {
            out.extend(key.epoch.to_be_bytes());
            out.push(key.slot);
            put_len16(&mut out, "field", key.field.as_bytes())?;
            out.extend(key.key.to_bytes());
        }
        Ok(out)
    }

    /// Decodes a body. Strict: one spelling for each descriptor.
    pub(super) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        reader.constant("domain", DOMAIN)?;
        let suite = read_suite(&mut reader)?;
        let flags_at = reader.fail("flags");
        let require_encryption = match reader.u8("flags")? {
            0 => false,
            FLAG_REQUIRE_ENCRYPTION => true,
            _ => return Err(flags_at),
        };
        let name = reader.text("channel", is_name)?.into();
        let topics_at = reader.fail("topics");
        let topics = read_texts(&mut reader, "topics", is_topic)?;
        if !ascending(&topics) {
            return Err(topics_at);
        }
        let revision = reader.u64("revision")?;
        let count = reader.u16("keys")?;
        let mut keys: Vec<ChannelKey> = Vec::new();
        for _ in 0..count {
            let at = reader.fail("keys");
            let key = read_key(&mut reader, suite)?;
            let in_order =
                keys.last().is_none_or(|last| (last.epoch, last.slot) < (key.epoch, key.slot));
            let distinct = !keys
                .iter()
                .rev()
                .take_while(|other| other.epoch == key.epoch)
                .any(|other| other.field == key.field);
            if !in_order || !distinct {
                return Err(at);
            }
            keys.push(key);
        }
        reader.finish()?;
        Ok(Self { name, suite, require_encryption, topics, revision, keys })
    }
}

fn read_key(reader: &mut Reader<'_>, suite: Suite) -> Result<ChannelKey, Malformed> {
    let epoch = reader.u32("epoch")?;
    let slot = reader.u8("slot")?;
    // Slot 0 is the whole value, which has no field, and nothing else is.
    let field =
        reader.text("field", |field| is_field(field) && field.is_empty() == (slot == 0))?.into();
    let key = read_public_key(reader, "public key", suite)?;
    Ok(ChannelKey { epoch, slot, field, key })
}

pub(super) fn read_suite(reader: &mut Reader<'_>) -> Result<Suite, Malformed> {
    reader.map("suite", |reader| Suite::from_byte(reader.u8("suite")?).ok_or(reader.fail("suite")))
}

pub(super) fn read_public_key(
    reader: &mut Reader<'_>,
    field: &'static str,
    suite: Suite,
) -> Result<PublicKey, Malformed> {
    reader.map(field, |reader| {
        let bytes: &[u8; 33] = reader.array(field)?;
        PublicKey::from_bytes(suite, bytes).map_err(|_| reader.fail(field))
    })
}

/// Whether a list is sorted without duplicates.
pub(super) fn ascending<T: Ord>(list: &[T]) -> bool {
    list.is_sorted_by(|a, b| a < b)
}
