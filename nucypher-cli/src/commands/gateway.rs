//! `nucypher gateway`: the gateway in front of a cluster, until it is told to stop.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nucypher_kafka::gateway::{Gateway, GatewayConfig};

use crate::output;

/// Arguments of `gateway`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  nucypher gateway --config gateway.toml\n\n\
    deploy/gateway.toml is a documented configuration. SIGTERM or Ctrl-C ends the gateway after the\n\
    requests that are under way; SIGHUP makes it read users and certificates again. Channels and\n\
    grants are watched: a change works on the next fetch.")]
pub(crate) struct Args {
    /// Configuration, TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Read and check the configuration, bind nothing
    #[arg(long)]
    check: bool,
}

/// Run the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = GatewayConfig::load(&args.config).with_context(|| in_file(&args.config))?;
    if args.check {
        output::remark(&format!("{} is in order", args.config.display()));
        return Ok(());
    }
    super::block_on(serve(config, &args.config))
}

async fn serve(config: GatewayConfig, path: &Path) -> Result<()> {
    let names: Vec<String> =
        config.listeners.iter().map(|listener| listener.name.clone()).collect();
    let brokers = config.cluster.bootstrap_servers.join(", ");
    let gateway = Gateway::bind(config).await.with_context(|| in_file(path))?;
    for name in names {
        if let Some(address) = gateway.listener_addr(&name) {
            output::remark(&format!(
                "listener {name} accepts clients at {address}, for the cluster at {brokers}"
            ));
        }
    }
    let mut ends = Signals::new()?;
    let gateway = loop {
        match ends.next().await? {
            Signal::Reload => gateway.reload().await,
            Signal::End => break gateway,
        }
    };
    output::remark("ending: no new requests; those under way are answered");
    gateway.run(std::future::ready(())).await;
    Ok(())
}

fn in_file(path: &Path) -> String {
    format!("in {}", path.display())
}

/// What the gateway is told from outside.
enum Signal {
    Reload,
    End,
}

#[cfg(unix)]
struct Signals {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Result<Signal> {
        tokio::select! {
            _ = self.hangup.recv() => Ok(Signal::Reload),
            _ = self.terminate.recv() => Ok(Signal::End),
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Signal::End).map_err(Into::into),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Result<Signal> {
        tokio::signal::ctrl_c().await?;
        Ok(Signal::End)
    }
}
