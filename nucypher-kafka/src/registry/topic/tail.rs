//! A gateway follows the registry's topic: long-poll fetches, a new snapshot for what they bring. A change
//! is in force a few milliseconds after its head is in the log.
//!
//! A topic that cannot be read leaves the last good snapshot in force, until its head's "valid until":
//! that is how long a gateway goes on without the registry, and its administrator sets it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Mirror, RegistryTopic};
use crate::gateway::fault::Fault;
use crate::gateway::upstream::Dialogue;
use crate::registry::{
    loader::{Loader, Sources},
    watch::{Publisher, RegistryHandle, RegistryWatcher, WatchError, system_time_ms},
};

/// How long the broker waits for something new. The clock is looked at in between.
const WAIT_MS: i32 = 500;

/// After something new, how long to wait for the rest of the same change.
const REST_MS: i32 = 20;

/// So many fetches belong to one change at most: then what is there is looked at, whatever follows.
const ROUNDS: u32 = 256;

/// How soon a topic that cannot be read is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How soon a topic that does not fit its head is read anew from the beginning: a record that was
/// removed while the gateway was away may have left nothing behind.
const ANEW: Duration = Duration::from_secs(10);

impl RegistryHandle {
    /// Reads the registry from a topic and begins to follow it. Must be called within a tokio runtime.
    ///
    /// Errors: where there is no snapshot to serve from. Later failures are logged, and the last
    /// good snapshot stays.
    pub async fn follow(
        sources: Sources,
        topic: RegistryTopic,
    ) -> Result<(Self, RegistryWatcher), WatchError> {
        let mut leader = topic.leader().await?;
        let mut mirror = Mirror::default();
        let read = topic.catch_up(&mut leader, &mut mirror, true).await;
        read.map_err(|fault| topic.fault(fault))?;
        let found = mirror.found();
        let load = move |loader: &mut Loader, now_ms| loader.load_found(&found, now_ms);
        let (handle, publisher) = Publisher::begin(sources, Arc::new(system_time_ms), load).await?;
        let tail = Tail { topic, leader: Some(leader), mirror, publisher };
        Ok((handle, RegistryWatcher::of(tokio::spawn(tail.run()))))
    }
}

struct Tail {
    topic: RegistryTopic,
    leader: Option<Dialogue>,
    mirror: Mirror,
    publisher: Publisher,
}

impl Tail {
    async fn run(mut self) {
        let mut unreachable = false;
        let mut anew = Instant::now();
        loop {
            match self.round(&mut anew).await {
                Ok(()) if unreachable => {
                    unreachable = false;
                    tracing::info!("the registry's topic is read again");
                }
                Ok(()) => {}
                Err(fault) => {
                    if !unreachable {
                        let revision = self.publisher.revision();
                        tracing::error!(%fault, revision, "the registry's topic cannot be read: the snapshot in force stays until its head expires");
                    }
                    unreachable = true;
                    self.leader = None;
                    tokio::time::sleep(AGAIN).await;
                }
            }
            self.publisher.tick_on_time();
        }
    }

    /// One fetch, and the snapshot that follows from it.
    async fn round(&mut self, anew: &mut Instant) -> Result<(), Fault> {
        let Self { topic, mirror, .. } = self;
        let mut leader = match self.leader.take() {
            Some(leader) => leader,
            None => topic.connect().await?,
        };
        let mut news = topic.poll(&mut leader, mirror, WAIT_MS).await? > 0;
        if news {
            for _ in 0..ROUNDS {
                if topic.poll(&mut leader, mirror, REST_MS).await? == 0 {
                    break;
                }
            }
        } else if self.publisher.is_failing() && anew.elapsed() >= ANEW {
            *anew = Instant::now();
            topic.catch_up(&mut leader, mirror, true).await?;
            news = true;
        }
        self.leader = Some(leader);
        if news {
            let found = self.mirror.found();
            self.publisher.load(move |loader, now_ms| loader.load_found(&found, now_ms)).await;
        }
        Ok(())
    }
}
