//! The topic itself: created, read from the beginning to the end, appended to.

use std::sync::Arc;

use super::{Mirror, batch, key};
use crate::gateway::config::{ClusterConfig, ConfigError, Limits};
use crate::gateway::fault::{BrokerFault, Fault};
use crate::gateway::pool::Pool;
use crate::gateway::upstream::{Cluster, Dialogue};
use crate::protocol::log;
use crate::records::Codecs;
use crate::registry::{
    directory::{Directory, DirectoryError, Found},
    entry::{Entry, EntryKind, MAX_BODY},
};

/// Kafka's code for an offset that the log does not have (any more).
const OFFSET_OUT_OF_RANGE: i16 = 1;
/// Kafka's code for a topic that is there already.
const TOPIC_ALREADY_EXISTS: i16 = 36;

/// So many bytes of records go into one batch; a longer entry has one of its own.
const BATCH: usize = 512 << 10;

/// Why the topic cannot be used. Nothing was changed beyond what had been appended before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The cluster cannot be reached, or does not do what it is asked.
    #[error("registry topic {topic}: {fault}")]
    Kafka {
        /// The topic.
        topic: String,
        /// Why.
        fault: Fault,
    },
    /// There is a topic of this name.
    #[error("the topic {0} is there already")]
    Exists(String),
    /// The broker does not create it.
    #[error("the topic {topic} was not created: error code {code}{}", said.as_deref().map_or_else(String::new, |said| format!(", {said}")))]
    NotCreated {
        /// The topic.
        topic: String,
        /// Kafka's error code.
        code: i16,
        /// What the broker says.
        said: Option<String>,
    },
    /// The directory on the other side.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// A registry topic of a cluster.
#[derive(Clone, Debug)]
pub struct RegistryTopic {
    cluster: Arc<Cluster>,
    name: String,
}

impl RegistryTopic {
    /// The topic of this name, which need not exist yet. Connects to nothing.
    fn new(cluster: Arc<Cluster>, name: impl Into<String>) -> Self {
        Self { cluster, name: name.into() }
    }

    /// The topic of this name in a cluster. Reads what the configuration names; connects to nothing.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the key.
    pub async fn open(
        cluster: ClusterConfig,
        limits: Limits,
        name: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let read = move || Cluster::new(&cluster, &limits, Pool::new(Some(1)));
        let read = tokio::task::spawn_blocking(read).await;
        let cluster = read.map_err(|error| ConfigError::value("cluster", error))??;
        Ok(Self::new(Arc::new(cluster), name))
    }

    /// Creates the topic: one partition, compacted and never expired, entries of any length.
    ///
    /// # Errors
    ///
    /// [`TopicError`]: also where it is there already.
    pub async fn create(&self, replicas: i16) -> Result<(), TopicError> {
        let in_sync = (replicas / 2).saturating_add(1).max(1);
        let settings = [
            ("cleanup.policy", "compact".to_owned()),
            ("retention.ms", "-1".to_owned()),
            ("min.insync.replicas", in_sync.min(replicas.max(1)).to_string()),
            // An entry at its longest, with its sealed keys, in a batch of its own.
            ("max.message.bytes", (2 * MAX_BODY).to_string()),
            // A gateway that was away for a week still hears of what was removed.
            ("delete.retention.ms", (7_i64 * 24 * 60 * 60 * 1000).to_string()),
            ("min.cleanable.dirty.ratio", "0.1".to_owned()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ];
        let created = async {
            let controller = self.cluster.dialogue(crate::gateway::upstream::Target::Bootstrap);
            controller
                .await?
                .ask(
                    log::CREATE_TOPICS,
                    |out| log::put_create_topic(out, &self.name, replicas, &settings),
                    log::walk_create_topic,
                )
                .await
        };
        match created.await.map_err(|fault| self.fault(fault))? {
            (0, _) => Ok(()),
            (TOPIC_ALREADY_EXISTS, _) => Err(TopicError::Exists(self.name.clone())),
            (code, said) => Err(TopicError::NotCreated { topic: self.name.clone(), code, said }),
        }
    }

    /// Reads all entries, as a directory gives them.
    ///
    /// # Errors
    ///
    /// [`TopicError`].
    pub async fn read(&self) -> Result<Vec<Found>, TopicError> {
        Ok(self.mirror().await?.found())
    }

    /// Copies a directory's entries into the topic: what is new, then the heads, then the removals. So
    /// each administrator's head is the moment of the change, and a copy that is cut short leaves the
    /// set as before or as after. Only entries of administrators whose head is in the directory
    /// are removed. Gives how many records were written.
    ///
    /// # Errors
    ///
    /// [`TopicError`].
    pub async fn copy_from(&self, from: &Directory, now_ms: i64) -> Result<usize, TopicError> {
        let found = from.read()?;
        let entries: Vec<Entry> = found.into_iter().filter_map(|found| found.entry.ok()).collect();
        let mirror = self.mirror().await?;
        let is_head = |entry: &&Entry| entry.kind() == EntryKind::Head;
        let new = entries.iter().filter(|entry| !mirror.has(entry));
        let (heads, news): (Vec<&Entry>, Vec<&Entry>) = new.partition(is_head);
        let kept: std::collections::BTreeSet<_> = entries.iter().map(key).collect();
        let signers: Vec<_> = entries.iter().filter(is_head).map(Entry::signer).collect();
        let gone: Vec<[u8; super::KEY_LEN]> = mirror
            .entries()
            .filter(|(key, entry)| !kept.contains(*key) && signers.contains(&entry.signer()))
            .map(|(key, _)| *key)
            .collect();
        let put = |entries: &[&Entry]| -> Vec<_> {
            entries.iter().map(|entry| (key(entry), Some((*entry).clone()))).collect()
        };
        let (news, heads) = (put(&news), put(&heads));
        let gone: Vec<_> = gone.into_iter().map(|key| (key, None)).collect();
        let mut leader = self.leader().await?;
        for step in [&news, &heads, &gone] {
            self.append(&mut leader, step, now_ms).await.map_err(|fault| self.fault(fault))?;
        }
        Ok(news.len() + heads.len() + gone.len())
    }

    /// Copies the topic's entries into a directory, in the same order. Gives how many were written.
    ///
    /// # Errors
    ///
    /// [`TopicError`].
    pub async fn copy_to(&self, to: &Directory) -> Result<usize, TopicError> {
        let mirror = self.mirror().await?;
        to.create()?;
        let _lock = to.lock()?;
        let there = to.read()?;
        let has = |entry: &Entry| there.iter().any(|found| found.entry.as_ref() == Ok(entry));
        let new: Vec<&Entry> =
            mirror.entries().map(|(_, entry)| entry).filter(|entry| !has(entry)).collect();
        let is_head = |entry: &&&Entry| entry.kind() == EntryKind::Head;
        for entry in new.iter().filter(|entry| !is_head(entry)) {
            to.write(entry)?;
        }
        for entry in new.iter().filter(is_head) {
            to.write(entry)?;
        }
        let signers: Vec<_> = mirror
            .entries()
            .filter(|(_, entry)| entry.kind() == EntryKind::Head)
            .map(|(_, entry)| entry.signer())
            .collect();
        for found in &there {
            if let Ok(entry) = &found.entry
                && signers.contains(&entry.signer())
                && entry.kind() != EntryKind::Head
                && !mirror.has(entry)
            {
                to.remove(&found.origin)?;
            }
        }
        Ok(new.len())
    }

    async fn append(
        &self,
        leader: &mut Dialogue,
        records: &[([u8; super::KEY_LEN], Option<Entry>)],
        now_ms: i64,
    ) -> Result<(), Fault> {
        let mut rest = records;
        while !rest.is_empty() {
            let mut size = 0;
            let fits = rest.iter().take_while(|(_, entry)| {
                let first = size == 0;
                size += 32 + entry.as_ref().map_or(0, |entry| entry.as_bytes().len());
                first || size <= BATCH
            });
            let (now, later) = rest.split_at_checked(fits.count()).unwrap_or((rest, &[]));
            let batch: Vec<_> = now
                .iter()
                .map(|(key, entry)| (key.as_slice(), entry.as_ref().map(Entry::as_bytes)))
                .collect();
            let batch = batch::encode(&batch, now_ms);
            let put = |out: &mut Vec<u8>| log::put_produce(out, &self.name, &batch);
            refused("Produce", leader.ask(log::PRODUCE, put, log::walk_produce).await?)?;
            rest = later;
        }
        Ok(())
    }

    /// Connects to the leader.
    pub(super) async fn connect(&self) -> Result<Dialogue, Fault> {
        self.cluster.leader(&self.name).await
    }

    async fn mirror(&self) -> Result<Mirror, TopicError> {
        let mut mirror = Mirror::default();
        let read = async {
            let mut leader = self.connect().await?;
            self.catch_up(&mut leader, &mut mirror, true).await.map(|_| ())
        };
        read.await.map_err(|fault| self.fault(fault))?;
        Ok(mirror)
    }

    pub(super) async fn leader(&self) -> Result<Dialogue, TopicError> {
        self.connect().await.map_err(|fault| self.fault(fault))
    }

    /// Reads to the end of the log, from the beginning where `anew` says so or the offset is gone.
    /// Gives how many records said something new.
    pub(super) async fn catch_up(
        &self,
        leader: &mut Dialogue,
        mirror: &mut Mirror,
        anew: bool,
    ) -> Result<usize, Fault> {
        if anew {
            mirror.restart(self.offset(leader, log::EARLIEST).await?);
        }
        let end = self.offset(leader, log::LATEST).await?;
        let mut news = 0;
        while mirror.next() < end {
            news += self.poll(leader, mirror, 0).await?;
        }
        Ok(news)
    }

    /// Fetches once, waiting up to `wait_ms` for something new.
    pub(super) async fn poll(
        &self,
        leader: &mut Dialogue,
        mirror: &mut Mirror,
        wait_ms: i32,
    ) -> Result<usize, Fault> {
        let before = mirror.next();
        let put = |out: &mut Vec<u8>| log::put_fetch(out, &self.name, before, wait_ms);
        let mut codecs = Codecs::default();
        let fetched = leader
            .ask(log::FETCH, put, |body| {
                let (code, end, bytes) = log::walk_fetch(body)?;
                let news = if code == 0 { mirror.take(bytes, &mut codecs) } else { 0 };
                Ok((code, end, news))
            })
            .await?;
        match fetched {
            (0, end, _) if mirror.next() == before && before < end && wait_ms == 0 => {
                // What is there cannot be walked: without it the set would not be known.
                Err(Fault::Configuration(format!(
                    "the records of topic {} at offset {before} cannot be read",
                    self.name
                )))
            }
            (0, _, news) => Ok(news),
            (OFFSET_OUT_OF_RANGE, ..) => {
                mirror.restart(self.offset(leader, log::EARLIEST).await?);
                Ok(1)
            }
            (code, ..) => Err(BrokerFault::Refused { api: "Fetch", code }.into()),
        }
    }

    async fn offset(&self, leader: &mut Dialogue, place: i64) -> Result<i64, Fault> {
        let put = |out: &mut Vec<u8>| log::put_list_offsets(out, &self.name, place);
        let (code, offset) = leader.ask(log::LIST_OFFSETS, put, log::walk_list_offsets).await?;
        refused("ListOffsets", code)?;
        Ok(offset)
    }

    pub(super) fn fault(&self, fault: Fault) -> TopicError {
        TopicError::Kafka { topic: self.name.clone(), fault }
    }
}

fn refused(api: &'static str, code: i16) -> Result<(), Fault> {
    if code == 0 { Ok(()) } else { Err(BrokerFault::Refused { api, code }.into()) }
}
