//! The program as its users meet it: output, exit codes, file modes.

mod administration;
mod file_commands;
mod key_files;
mod support;
