//! The open sessions of a sealer that binds places: one for each topic and partition, bounded.

use std::collections::HashMap;

use crate::{binding::Place, session::Session};

/// Open sessions by place.
///
/// Beyond the bound the session that was used least recently ends; its place begins another with
/// its next record. Losing one early costs an encapsulation, never a nonce.
#[derive(Debug)]
pub(crate) struct Places {
    /// Two levels, so that looking up a borrowed topic allocates nothing.
    topics: HashMap<Box<str>, HashMap<u32, Open>>,
    len: usize,
    max: usize,
    uses: u64,
}

#[derive(Debug)]
struct Open {
    session: Session,
    used: u64,
}

impl Places {
    pub(crate) fn new(max: usize) -> Self {
        Self { topics: HashMap::new(), len: 0, max, uses: 0 }
    }

    /// Takes the session out: whoever seals with it puts it back if that went well.
    pub(crate) fn take(&mut self, place: Place<'_>) -> Option<Session> {
        let open = self.topics.get_mut(place.topic)?.remove(&place.partition)?;
        self.len = self.len.saturating_sub(1);
        Some(open.session)
    }

    /// Puts a session in, and ends another where there are too many.
    pub(crate) fn put(&mut self, place: Place<'_>, session: Session) {
        if self.len >= self.max {
            self.end_least_recently_used();
        }
        self.uses = self.uses.saturating_add(1);
        let open = Open { session, used: self.uses };
        let before = match self.topics.get_mut(place.topic) {
            Some(partitions) => partitions.insert(place.partition, open),
            None => {
                self.topics.insert(place.topic.into(), HashMap::from([(place.partition, open)]));
                None
            }
        };
        if before.is_none() {
            self.len = self.len.saturating_add(1);
        }
    }

    /// Ends every session.
    pub(crate) fn clear(&mut self) {
        self.topics.clear();
        self.len = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Cost: a walk over all sessions, about the time of the encapsulation that made it necessary.
    fn end_least_recently_used(&mut self) {
        let uses =
            |partitions: &HashMap<u32, Open>| partitions.values().map(|open| open.used).min();
        let Some(oldest) = self.topics.values().filter_map(uses).min() else { return };
        self.topics.retain(|_, partitions| {
            partitions.retain(|_, open| open.used != oldest);
            !partitions.is_empty()
        });
        self.len = self.len.saturating_sub(1);
    }
}
