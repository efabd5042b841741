//! The commands, one module each. A command parses its arguments, calls the crates below
//! and prints; it ends with an exit code or an error that carries one.

pub(crate) mod admin;
pub(crate) mod channel;
pub(crate) mod consume;
pub(crate) mod demo;
pub(crate) mod file;
pub(crate) mod gateway;
pub(crate) mod grant;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod produce;
pub(crate) mod registry;
pub(crate) mod user;

use std::future::Future;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli::Command;

/// Run one command.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Key(command) => key::run(&command).map(done),
        Command::Seal(args) => file::seal(&args).map(done),
        Command::Rekey(args) => file::rekey(&args).map(done),
        Command::Reencrypt(args) => file::reencrypt(&args).map(done),
        Command::Open(args) => file::open(&args).map(done),
        Command::Admin(command) => admin::run(&command).map(done),
        Command::Channel(command) => channel::run(&command).map(done),
        Command::Grant(command) => grant::run(&command).map(done),
        Command::Registry(command) => registry::run(&command).map(done),
        Command::User(command) => user::run(&command).map(done),
        Command::Gateway(args) => gateway::run(&args).map(done),
        Command::Produce(args) => produce::run(&args).map(done),
        Command::Consume(args) => consume::run(&args),
        Command::Inspect(args) => inspect::run(&args).map(done),
    }
}

/// Run an asynchronous command to its end, and wait for nothing that it left behind: a call of
/// librdkafka may block for minutes.
fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}
