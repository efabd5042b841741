//! Which topic id belongs to which name, shared by the connections of a cluster.
//!
//! Fed by each Metadata and `DescribeTopicPartitions` response that passes. An id never changes its
//! name (a topic that is created anew gets a new id), so an entry is never stale, only unused.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::protocol::wire::Uuid;

/// Topic names by id. Bounded: what is pushed out is asked for again.
#[derive(Debug)]
pub struct TopicIds {
    names: Cache<Uuid, Arc<str>>,
}

impl TopicIds {
    /// Room for `capacity` topics; a topic takes some 100 bytes and its name.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { names: Cache::new(capacity.max(1)) }
    }

    /// Notes a topic.
    pub fn learn(&self, id: Uuid, name: &str) {
        if self.names.get(&id).is_none_or(|known| *known != *name) {
            self.names.insert(id, name.into());
        }
    }

    /// The name of a topic.
    #[must_use]
    pub fn name(&self, id: Uuid) -> Option<Arc<str>> {
        self.names.get(&id)
    }
}
