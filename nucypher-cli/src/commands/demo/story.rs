//! What the demo tells, as lines or as one JSON document, what it checks, and the deadline
//! that ends it when it hangs.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::stage::Stage;
use super::traffic::{Reading, Stored};
use crate::exit::Exit;
use crate::output::{self, Format};

/// Where the demo is, for the message of the deadline.
pub(super) type Step = Arc<Mutex<&'static str>>;

/// Ends the process when it takes too long. Nothing else could: librdkafka's calls block.
pub(super) struct Deadline {
    step: Step,
    _running: mpsc::Sender<()>,
}

impl Deadline {
    /// Watch from now on. `folder` is removed when the time is over, as it holds keys.
    pub(super) fn start(limit: Duration, folder: &Path) -> Self {
        let step = Step::default();
        let (running, over) = mpsc::channel();
        let (watched, folder) = (Arc::clone(&step), folder.to_owned());
        std::thread::spawn(move || {
            if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let step = *watched.lock().unwrap_or_else(PoisonError::into_inner);
                output::remark(&format!(
                    "the demo did not end within {} s; it was {step}. A slow machine needs --deadline SECONDS",
                    limit.as_secs()
                ));
                let _ = std::fs::remove_dir_all(folder);
                std::process::exit(Exit::Failure as i32);
            }
        });
        Self { step, _running: running }
    }

    pub(super) fn step(&self) -> Step {
        Arc::clone(&self.step)
    }
}

/// One thing that must be so.
#[derive(Serialize)]
struct Check {
    name: String,
    found: String,
    expected: String,
    passed: bool,
}

/// What a consumer read, and what it should have.
pub(super) struct Consumed {
    pub(super) name: &'static str,
    pub(super) channel: &'static str,
    pub(super) reading: Reading,
    /// How many records it should have opened.
    pub(super) records: u32,
    /// How many partitions should have been refused.
    pub(super) refusals: u32,
}

/// The story so far.
pub(super) struct Story {
    format: Format,
    step: Step,
    begun: Instant,
    checks: Vec<Check>,
    document: Map<String, Value>,
}

impl Story {
    pub(super) fn new(format: Format, step: Step) -> Self {
        Self { format, step, begun: Instant::now(), checks: Vec::new(), document: Map::new() }
    }

    /// The demo goes on to this.
    pub(super) fn step(&mut self, step: &'static str) {
        tracing::info!(step, seconds = self.begun.elapsed().as_secs_f64());
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// Who is there.
    pub(super) async fn stage(&mut self, stage: &Stage) -> Result<()> {
        let (direct, through) = stage.addresses().await?;
        let leaked = through.iter().filter(|address| direct.contains(address)).count();
        self.say("NuCypher Kafka: what producers seal, only granted consumers open.")?;
        self.say("")?;
        self.say(&format!("cluster    {}", stage.cluster()))?;
        self.say(&format!(
            "gateway    {}, SASL/PLAIN; holds re-encryption keys, no private key, no data key",
            stage.gateway_address
        ))?;
        self.say("registry   channels orders and payments; alice is granted both, bob orders, mallory nothing")?;
        self.tell("cluster", json!(stage.cluster()));
        self.tell("gateway", json!(stage.gateway_address));
        self.tell("nodes_behind_gateway", json!(direct.len()));
        self.check("nodes that the gateway shows", through.len(), direct.len());
        self.check("addresses of brokers that clients learn", leaked, 0);
        Ok(())
    }

    /// Two producers wrote.
    pub(super) fn produced(
        &mut self,
        by: &[(&str, &str, u32)],
        total: u32,
        elapsed: Duration,
    ) -> Result<()> {
        let stored: u32 = by.iter().map(|(_, _, stored)| stored).sum();
        let rate = per_second(stored, elapsed);
        self.heading(
            "1. Producers seal, each under the public key of its channel; they hold no secret",
        )?;
        for (producer, channel, stored) in by {
            self.say(&format!("   {producer:<8} {stored} records into {channel}"))?;
        }
        self.say(&format!("   {}", speed(stored, elapsed)))?;
        self.tell(
            "produced",
            json!({ "records": stored, "seconds": seconds(elapsed), "records_per_second": rate }),
        );
        self.check("records stored by the producers", stored, total);
        Ok(())
    }

    /// What the brokers have.
    pub(super) fn stored(&mut self, stored: &Stored) -> Result<()> {
        let Stored { records, with_plaintext, under_channel_key, sessions, example } = stored;
        self.heading("2. What the brokers store, fetched past the gateway")?;
        if let Some((key, edek, value)) = example {
            self.say(&format!(
                "   key      {key}   (record keys stay readable: they choose the partition)"
            ))?;
            self.say(&format!("   nu.edek  {}  the data key, encrypted", excerpt(edek)))?;
            self.say(&format!("   value    {}", excerpt(value)))?;
        }
        self.say(&format!(
            "   {records} records, {with_plaintext} with anything of a plaintext in them; {sessions} data keys"
        ))?;
        self.tell(
            "stored",
            json!({ "records": records, "with_plaintext": with_plaintext, "data_keys": sessions }),
        );
        self.check("stored records that show plaintext", *with_plaintext, 0);
        self.check("stored records under their channel's key", *under_channel_key, *records);
        Ok(())
    }

    /// What the consumers read.
    pub(super) fn consumed(&mut self, all: &[Consumed]) -> Result<()> {
        self.heading("3. What consumers read through the gateway, each with its own private key")?;
        let mut told = Vec::new();
        for Consumed { name, channel, reading, records, refusals } in all {
            if reading.refused > 0 {
                self.say(&format!(
                    "   {name:<8} {channel:<9} TOPIC_AUTHORIZATION_FAILED, all {} partitions",
                    reading.refused
                ))?;
            } else {
                self.say(&format!("   {name:<8} {channel:<9} opens {} records", reading.opened))?;
                let example = reading.example.as_deref().unwrap_or_default();
                self.say(&format!("   {:<8} {:<9} {example}", "", ""))?;
            }
            told.push(json!({
                "name": name, "channel": channel, "opened": reading.opened, "refused_partitions": reading.refused,
            }));
            self.check(format!("records of {channel} opened by {name}"), reading.opened, *records);
            self.check(
                format!("partitions of {channel} refused to {name}"),
                reading.refused,
                *refusals,
            );
        }
        let opened = all.iter().map(|one| one.reading.opened).sum();
        let spans = || all.iter().filter_map(|one| one.reading.span);
        let first = spans().map(|(first, _)| first).min();
        let last = spans().map(|(_, last)| last).max();
        let elapsed = first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first);
        self.say(&format!("   together {}, from the first to the last", speed(opened, elapsed)))?;
        self.tell("consumed", json!({
            "records": opened, "seconds": seconds(elapsed), "records_per_second": per_second(opened, elapsed),
        }));
        self.tell("consumers", json!(told));
        Ok(())
    }

    /// Bob's grant is gone.
    pub(super) fn revoked(
        &mut self,
        bob: &Reading,
        refusals: u32,
        elapsed: Duration,
    ) -> Result<()> {
        self.heading("4. The administrator revokes bob's grant while he reads")?;
        self.say(&format!(
            "   bob      refused on his next fetch, {} ms later, on the connection that he has",
            elapsed.as_millis()
        ))?;
        self.tell(
            "revocation",
            json!({ "milliseconds": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX) }),
        );
        self.check("partitions refused to bob after the revocation", bob.refused, refusals);
        Ok(())
    }

    /// What alice and bob get of what comes then.
    pub(super) fn after_revocation(
        &mut self,
        produced: u32,
        alice: &Reading,
        bob_again: &Reading,
        bob_late: u32,
        refusals: u32,
    ) -> Result<()> {
        self.say(&format!("   shop     {produced} records more into orders"))?;
        self.say(&format!("   alice    opens {} of them", alice.opened))?;
        self.say(&format!(
            "   bob      opens {}; connecting anew he is refused on {} partitions, old records too",
            bob_late + bob_again.opened,
            bob_again.refused
        ))?;
        self.tell("after_revocation", json!({
            "produced": produced, "opened_by_alice": alice.opened, "opened_by_bob": bob_late + bob_again.opened,
        }));
        self.check("later records opened by alice", alice.opened, produced);
        self.check("later records opened by bob", bob_late + bob_again.opened, 0);
        self.check("partitions refused to bob on a new connection", bob_again.refused, refusals);
        Ok(())
    }

    /// Say whether all of it was as it should be.
    pub(super) fn end(mut self) -> Result<bool> {
        let failed: Vec<&Check> = self.checks.iter().filter(|check| !check.passed).collect();
        let well = failed.is_empty();
        match self.format {
            Format::Text => {
                output::line("")?;
                for check in &failed {
                    output::line(&format!(
                        "FAILED: {}: {}, expected {}",
                        check.name, check.found, check.expected
                    ))?;
                }
                output::line(&format!(
                    "{} of {} checks passed in {:.1} s",
                    self.checks.len() - failed.len(),
                    self.checks.len(),
                    self.begun.elapsed().as_secs_f64()
                ))?;
            }
            Format::Json => {
                self.document.insert("checks".to_owned(), serde_json::to_value(&self.checks)?);
                self.document.insert("seconds".to_owned(), json!(seconds(self.begun.elapsed())));
                self.document.insert("passed".to_owned(), json!(well));
                output::json(&self.document)?;
            }
        }
        Ok(well)
    }

    fn heading(&self, text: &str) -> Result<()> {
        self.say("")?;
        self.say(text)
    }

    fn say(&self, text: &str) -> Result<()> {
        if self.format == Format::Text { output::line(text) } else { Ok(()) }
    }

    fn tell(&mut self, name: &str, value: Value) {
        self.document.insert(name.to_owned(), value);
    }

    fn check<T: PartialEq + ToString>(&mut self, name: impl Into<String>, found: T, expected: T) {
        let passed = found == expected;
        self.checks.push(Check {
            name: name.into(),
            found: found.to_string(),
            expected: expected.to_string(),
            passed,
        });
    }
}

fn seconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1000.0).round() / 1000.0
}

fn per_second(records: u32, elapsed: Duration) -> f64 {
    (f64::from(records) / elapsed.as_secs_f64().max(1e-6)).round()
}

fn speed(records: u32, elapsed: Duration) -> String {
    format!(
        "{records} records in {:.2} s, {:.0} a second",
        elapsed.as_secs_f64(),
        per_second(records, elapsed)
    )
}

fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..24).unwrap_or(bytes);
    let more = if bytes.len() > shown.len() { ".." } else { "" };
    format!("{}{more} {} bytes", hex::encode(shown), bytes.len())
}
