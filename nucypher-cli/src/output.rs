//! What the user sees: tables or JSON on standard output, the rest on standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// The form in which a command lists what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document, or one a line where a command goes on for long.
    Json,
}

/// Print an error with its causes, each once: many libraries repeat the cause in their own words.
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("nucypher: {}", told(error));
}

fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let cause = cause.trim_end();
        if text.is_empty() {
            text.push_str(cause);
        } else if !text.contains(cause) {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}

/// Print a remark.
pub(crate) fn remark(text: &str) {
    eprintln!("nucypher: {text}");
}

/// Print a line on standard output; fails where nobody reads it any more.
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(())
}

/// Print one JSON document over several lines.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Print one JSON document on one line.
pub(crate) fn json_line(value: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Print rows under a header.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    line(&table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// A counter on standard error, drawn only where that is a terminal.
pub(crate) fn counter(what: &str) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} {msg} ({per_sec}, {elapsed})")
    {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read a.pem: no such file");
        assert_eq!(told(&error.context("--from")), "--from: cannot read a.pem: no such file");
    }
}
