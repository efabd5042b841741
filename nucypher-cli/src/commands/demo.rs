//! `nucypher demo`.

use std::process::ExitCode;

use anyhow::{Result, bail};

/// Arguments of `demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

/// Run the command.
pub(crate) fn run(_: &Args) -> Result<ExitCode> {
    bail!("not written yet")
}
