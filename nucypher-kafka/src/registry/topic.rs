//! The registry in a compacted Kafka topic: one record for each entry, so that Kafka distributes it.
//! `docs/spec/registry.md`, "Topic".
//!
//! ```text
//! key = kind (1) || entry id (8)          value = entry          (a head: kind 4 || sig_id)
//! ```
//!
//! What a topic holds means what the files of a directory mean: the same entries, the same head, the
//! same checks. Whoever can write the topic can withhold and garble, which is noticed; nothing here
//! is trusted. A record whose key is not its entry's own has no effect, so compaction cannot put
//! one entry in the place of another.
//!
//! | module | does |
//! | --- | --- |
//! | `batch` | a record batch, as it is produced |
//! | `log` | reads, appends, creates, through the gateway's own Kafka protocol |
//! | `tail` | a gateway follows the topic |

mod batch;
mod log;
mod tail;

use std::collections::BTreeMap;

use super::{
    directory::{Found, file_name},
    entry::{Entry, EntryError, EntryKind},
};
use crate::records::{self, Batches, Codecs, Limits};

#[cfg(test)]
pub(super) use batch::encode as encode_batch;
pub use log::{RegistryTopic, TopicError};

const KEY_LEN: usize = 9;

/// The key of an entry's record.
pub(super) fn key(entry: &Entry) -> [u8; KEY_LEN] {
    let id = match entry.kind() {
        EntryKind::Head => *entry.signer().as_bytes(),
        _ => *entry.id().as_bytes(),
    };
    let mut key = [entry.kind().as_byte(); KEY_LEN];
    key.iter_mut().skip(1).zip(id).for_each(|(to, from)| *to = from);
    key
}

/// What the topic's records say, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    entries: BTreeMap<[u8; KEY_LEN], Entry>,
    /// Records that are no entries, by offset. Bounded: who can write the topic can write many.
    strange: BTreeMap<i64, EntryError>,
    /// The offset that comes next.
    next: i64,
}

/// Reports on so many records that are no entries; the rest is as without effect, and not reported.
const STRANGE: usize = 100;

impl Mirror {
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Begins anew at an offset.
    fn restart(&mut self, offset: i64) {
        *self = Self { next: offset, ..Self::default() };
    }

    /// Takes in the record bytes of one fetch. Gives how many records said something new.
    ///
    /// What cannot be walked is passed over: the set is then not the head's, which is noticed.
    pub(super) fn take(&mut self, bytes: &[u8], codecs: &mut Codecs) -> usize {
        let mut news = 0;
        for item in Batches::new(bytes, 0) {
            let records::Entry::Batch(batch) = item else { continue };
            let (base, last) = (batch.base_offset(), i64::from(batch.last_offset_delta()));
            let end = base.saturating_add(last).saturating_add(1);
            // A fetch may begin with a batch that was read in part.
            if end <= self.next {
                continue;
            }
            let from = self.next;
            if !batch.attributes().is_control()
                && let Ok(records) = batch.records(codecs, Limits::default().batch)
            {
                for record in records.map_while(Result::ok) {
                    let offset = base.saturating_add(i64::from(record.offset_delta));
                    if offset >= from {
                        news += usize::from(self.put(offset, record.key, record.value));
                    }
                }
            }
            self.next = end;
        }
        news
    }

    fn put(&mut self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> bool {
        let Some(key) = key.and_then(|key| key.try_into().ok()) else {
            return self.note(offset, EntryError::Key);
        };
        let key: [u8; KEY_LEN] = key;
        let Some(value) = value else { return self.entries.remove(&key).is_some() };
        match Entry::decode(value) {
            Ok(entry) if self::key(&entry) == key => {
                let old = self.entries.insert(key, entry.clone());
                old.is_none_or(|old| old != entry)
            }
            // It stands in the place of what was there, as after compaction.
            Ok(_) => {
                self.entries.remove(&key);
                self.note(offset, EntryError::Key)
            }
            Err(error) => {
                self.entries.remove(&key);
                self.note(offset, error.into())
            }
        }
    }

    fn note(&mut self, offset: i64, error: EntryError) -> bool {
        self.strange.insert(offset, error);
        if self.strange.len() > STRANGE {
            self.strange.pop_first();
        }
        true
    }

    /// What there is, as a directory gives it.
    pub(super) fn found(&self) -> Vec<Found> {
        let entries = self.entries.values();
        let entries =
            entries.map(|entry| Found { origin: file_name(entry), entry: Ok(entry.clone()) });
        let strange = self.strange.iter().map(|(offset, error)| Found {
            origin: format!("offset {offset}"),
            entry: Err(error.clone()),
        });
        entries.chain(strange).collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8; KEY_LEN], &Entry)> {
        self.entries.iter()
    }

    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.entries.get(&key(entry)).is_some_and(|own| own == entry)
    }
}
