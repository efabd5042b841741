//! `nucypher demo`: the whole system at work inside this process.
//!
//! Real: the gateway on loopback sockets, the SASL identities that end at it, the registry in
//! a directory with its administrator, the producers and consumers on librdkafka. Not real,
//! unless `--bootstrap-server` names a cluster: the brokers, which are librdkafka's mock
//! cluster. Every count is checked, and the program fails if one is not what it should be.
//!
//! | module | says |
//! | --- | --- |
//! | `stage` | cluster, registry, users, gateway: what is there before the first record |
//! | `traffic` | records, producers, consumers, and what is read past the gateway |
//! | `story` | what is told on the way and at the end; the checks; the deadline |

mod stage;
mod story;
mod traffic;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::exit::Exit;
use crate::output::Format;
use stage::Stage;
use story::{Consumed, Deadline, Story};
use traffic::{Batch, Reader};

/// Arguments of `demo`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  nucypher demo\n  nucypher demo --records 50000\n  \
    nucypher demo --bootstrap-server localhost:9092\n\n\
    Without --bootstrap-server the brokers are librdkafka's mock cluster inside this process. With it\n\
    the demo makes two topics on that cluster and removes them at the end.")]
pub(crate) struct Args {
    /// How many records the two producers write together
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    records: u32,
    /// An existing cluster (PLAINTEXT) in the place of the mock cluster
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_server: Option<String>,
    /// How to tell the story
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
}

/// The channels; each is the name of its topic's channel too, and each has a producer of its own.
const ORDERS: &str = "orders";
const PAYMENTS: &str = "payments";

/// Run the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = tempfile::Builder::new()
        .prefix("nucypher-demo-")
        .tempdir()
        .context("cannot make a folder")?;
    let deadline = Deadline::start(Duration::from_secs(args.deadline), folder.path());
    let mut story = Story::new(args.format, deadline.step());
    super::block_on(tell(args, folder.path(), &mut story))?;
    let well = story.end()?;
    Ok(if well { ExitCode::SUCCESS } else { Exit::Failure.into() })
}

async fn tell(args: &Args, folder: &std::path::Path, story: &mut Story) -> Result<()> {
    story.step("setting the stage");
    let mut stage = Stage::set(folder, args.bootstrap_server.as_deref(), args.records).await?;
    let told = acts(args, &mut stage, story).await;
    stage.clear().await;
    told
}

async fn acts(args: &Args, stage: &mut Stage, story: &mut Story) -> Result<()> {
    story.stage(stage).await?;

    story.step("producing");
    let half = args.records / 2;
    let (orders, payments) =
        (Batch::new(ORDERS, 0..args.records - half), Batch::new(PAYMENTS, 0..half));
    let (shop, bank) = (stage.producer("shop", ORDERS)?, stage.producer("bank", PAYMENTS)?);
    let begun = Instant::now();
    let (from_shop, from_bank) =
        tokio::try_join!(orders.produce(&shop, stage), payments.produce(&bank, stage))?;
    story.produced(
        &[("shop", ORDERS, from_shop), ("bank", PAYMENTS, from_bank)],
        args.records,
        begun.elapsed(),
    )?;

    story.step("reading what the brokers store");
    let stored = traffic::stored(stage, args.records).await?;
    story.stored(&stored)?;

    story.step("consuming");
    let partitions = stage.partitions();
    let (orders_len, payments_len) = (orders.len(), payments.len());
    // (who, what, how many records it should open, how many partitions it should be refused)
    let cast = [
        ("alice", ORDERS, orders_len, 0),
        ("alice", PAYMENTS, payments_len, 0),
        ("bob", ORDERS, orders_len, 0),
        ("bob", PAYMENTS, 0, partitions),
        ("mallory", ORDERS, 0, partitions),
        ("mallory", PAYMENTS, 0, partitions),
    ];
    let mut readers = cast
        .map(|(name, channel, ..)| Reader::new(stage, name, channel))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let reading = readers.iter_mut().zip(cast).map(
        |(reader, (name, channel, records, refusals))| async move {
            let reading = reader
                .read(records, refusals)
                .await
                .with_context(|| format!("{name} reads {channel}"))?;
            Ok::<_, anyhow::Error>(Consumed { name, channel, reading, records, refusals })
        },
    );
    story.consumed(&futures::future::try_join_all(reading).await?)?;

    story.step("revoking");
    let begun = Instant::now();
    let revoked = stage.administrator.revoke_principal("bob", stage::now_ms())?;
    ensure!(!revoked.is_empty(), "the administrator found nothing to revoke");
    let [alice, _, bob, ..] = readers.as_mut_slice() else { bail!("the cast is not there") };
    // Bob goes on reading with an open connection: his next fetch is refused.
    let after = bob.read(0, partitions).await?;
    story.revoked(&after, partitions, begun.elapsed())?;

    story.step("producing after the revocation");
    let more = Batch::new(ORDERS, orders_len..orders_len + (args.records / 10).max(1));
    more.produce(&shop, stage).await?;
    let mut again = Reader::new(stage, "bob", ORDERS)?;
    let (a, fresh) = tokio::try_join!(alice.read(more.len(), 0), again.read(0, partitions))?;
    // What librdkafka may still have had for the old connection.
    let late = bob.waiting()?;
    story.after_revocation(more.len(), &a, &fresh, late, partitions)
}
