//! Exit codes: one table for the program, its help and docs/cli.md.

use std::fmt;
use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Something failed: a file, the network, a cluster, the configuration.
    Failure = 1,
    /// The command line was wrong (clap's own code too).
    Usage = 2,
    /// Not sealed for this key, or the principal has no grant.
    NotGranted = 3,
    /// Sealed for this key, but altered, or sealed under another context.
    Altered = 4,
    /// Not in the form that was expected: no EDEK, a broken key file.
    Malformed = 5,
}

/// The table at the end of `nucypher --help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done; 1 failure (file, network, configuration); 2 wrong usage;
3 not granted, or sealed for another key; 4 altered, or sealed under another context;
5 malformed (not sealed, a broken key file).

Environment: NUCYPHER_PASSPHRASE opens and protects key files where no --passphrase-file
is given; NUCYPHER_KAFKA_PASSWORD is the SASL password where no --password-file is given;
NUCYPHER_LOG is the log filter (for example `debug`; `warn` by default).

The guide is docs/cli.md.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A message with the exit code that belongs to it.
#[derive(Debug)]
pub(crate) struct Coded {
    exit: Exit,
    message: String,
}

impl Coded {
    /// An error with this code and message.
    pub(crate) fn error(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self { exit, message: message.into() })
    }
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Coded {}

/// The code of an error: that of the first coded one in its chain.
pub(crate) fn of(error: &anyhow::Error) -> Exit {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Coded>())
        .map_or(Exit::Failure, |coded| coded.exit)
}
