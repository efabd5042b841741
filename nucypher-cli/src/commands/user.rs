//! `nucypher user`: the users file of a gateway that ends SASL itself.
//!
//! The file holds SCRAM credentials, no passwords; running gateways read it again on SIGHUP.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use nucypher_kafka::gateway::identity::users::{self, Existing};
use nucypher_kafka::gateway::identity::{Password, Principal, ScramHash, User, Users};
use serde::Serialize;

use crate::connection::PASSWORD_VARIABLE;
use crate::keys;
use crate::output::{self, Format};

/// Manage the users file of a gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a user, or give one a new password
    #[command(after_help = "Example:\n  nucypher user add alice --file users.toml\n\n\
        A running gateway reads the file again when it gets SIGHUP.")]
    Add(AddArgs),
    /// Remove a user
    #[command(after_help = "Example:\n  nucypher user remove alice --file users.toml")]
    Remove(RemoveArgs),
    /// List the users
    #[command(after_help = "Example:\n  nucypher user list --file users.toml --format json")]
    List(ListArgs),
}

/// Arguments of `user add`.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Name; the principal is User:NAME
    name: String,
    /// Users file, made if there is none (mode 0600)
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// File whose first line is the password (else NUCYPHER_KAFKA_PASSWORD, else the terminal is asked)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// SCRAM iterations
    #[arg(long, default_value_t = 8192)]
    iterations: u32,
    /// Give a user that exists a new password
    #[arg(long)]
    replace: bool,
}

/// Arguments of `user remove`.
#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// Name
    name: String,
    /// Users file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// Arguments of `user list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Users file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A user in a list.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    principal: String,
    mechanisms: Vec<&'static str>,
}

/// Run a subcommand.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Add(args) => add(args),
        Command::Remove(args) => {
            users::remove(&args.file, &args.name)?;
            output::remark(&format!("{} removed from {}", args.name, args.file.display()));
            Ok(())
        }
        Command::List(args) => list(&args.file, args.format),
    }
}

fn add(args: &AddArgs) -> Result<()> {
    let principal = Principal::user(&args.name)?;
    let password =
        match keys::secret_without_asking(args.password_file.as_deref(), PASSWORD_VARIABLE)? {
            Some(password) => password,
            None => keys::ask_twice(
                &format!("Password of {}: ", args.name),
                "--password-file FILE",
                PASSWORD_VARIABLE,
            )?,
        };
    ensure!(!password.is_empty(), "the password is empty; nothing was written");
    let user = User::from_password(&Password::new(password)?, args.iterations)?;
    let existing = if args.replace { Existing::Replace } else { Existing::Refuse };
    users::add(&args.file, &args.name, user, existing)?;
    output::remark(&format!("{} written to {}", principal.as_str(), args.file.display()));
    Ok(())
}

fn list(file: &Path, format: Format) -> Result<()> {
    let users = Users::load(file)?;
    let rows: Vec<Row<'_>> = users.names().map(|name| row(&users, name)).collect::<Result<_>>()?;
    match format {
        Format::Json => output::json(&rows),
        Format::Text => output::table(
            &["NAME", "PRINCIPAL", "MECHANISMS"],
            rows.into_iter()
                .map(|row| vec![row.name.to_owned(), row.principal, row.mechanisms.join(", ")]),
        ),
    }
}

fn row<'a>(users: &Users, name: &'a str) -> Result<Row<'a>> {
    let user = users.user(name);
    let has = |hash| user.is_some_and(|user| user.credential(hash).is_some());
    let mut mechanisms = vec!["PLAIN"];
    for (hash, mechanism) in
        [(ScramHash::Sha256, "SCRAM-SHA-256"), (ScramHash::Sha512, "SCRAM-SHA-512")]
    {
        if has(hash) {
            mechanisms.push(mechanism);
        }
    }
    Ok(Row { name, principal: Principal::user(name)?.as_str().to_owned(), mechanisms })
}
