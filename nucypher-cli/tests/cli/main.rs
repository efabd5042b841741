//! The program as its users meet it: output, exit codes, file modes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod administration;
mod custody;
mod demo;
mod file_commands;
mod key_files;
mod streams;
mod support;
