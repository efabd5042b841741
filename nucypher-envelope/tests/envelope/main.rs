//! The envelope from outside: laws, tampering, sessions, records, compression, secrets, corpora.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod compression;
mod corpora;
mod fixture;
mod laws;
mod records;
mod secrets;
mod sessions;
mod signatures;
mod tamper;
