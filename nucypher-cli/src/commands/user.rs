//! `nucypher user`.

use anyhow::{Result, bail};
use clap::Subcommand;

/// Subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Not written yet
    #[command(hide = true)]
    Later,
}

/// Run a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Later => bail!("not written yet"),
    }
}
