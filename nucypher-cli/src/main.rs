//! The `nucypher` program: keys, files, channels, grants, the gateway, produce, consume.
//!
//! Thin by design: this crate parses, calls and prints. What it calls is in
//! nucypher-pre (keys, re-encryption), nucypher-envelope (sealing, opening) and
//! nucypher-kafka (client, gateway, registry).
//!
//! Nothing secret is taken from a command line or written to standard output or a log,
//! except the plaintext that `open` and `consume` are asked for.

mod cli;
mod commands;
mod connection;
mod exit;
mod files;
mod instant;
mod keys;
mod output;
mod registry;

use std::io::{ErrorKind, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // The demo checks everything that it does; what librdkafka says while a client is being closed
    // would only puzzle its reader.
    let quiet = matches!(cli.command, cli::Command::Demo(_));
    start_log(if quiet { "warn,librdkafka=off" } else { "warn,librdkafka=error" });
    match commands::run(cli.command) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            exit::of(&error).into()
        }
    }
}

/// Log to standard error; librdkafka's lines come through the `log` facade.
fn start_log(default: &str) {
    let filter =
        EnvFilter::try_from_env("NUCYPHER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// `nucypher consume | head` ends well.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
