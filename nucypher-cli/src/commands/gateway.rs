//! `nucypher gateway`: the gateway in front of a cluster, until it is told to stop.

use std::path::PathBuf;

use anyhow::{Result, bail};

/// Arguments of `gateway`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  nucypher gateway --config gateway.toml")]
pub(crate) struct Args {
    /// Configuration, TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Run the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    bail!("{}: not written yet", args.config.display())
}
