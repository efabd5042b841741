//! The gateway, the clients and the administrator against a real Apache Kafka.
//!
//! Every test is ignored unless it is asked for: `scripts/integration target/debug/nucypher` starts
//! clusters and runs them all; see docs/testing-with-kafka.md. Each test has topics, groups and a
//! registry of its own, so that they run side by side; those that stop brokers run alone. No test
//! measures time; every one has a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests"
)]

mod authority;
mod clients;
mod cluster;
mod gateway;
mod wire;

mod addresses;
mod failover;
mod grants;
mod identities;
mod registry;
mod restarts;
mod sealed;
mod secrecy;
mod transparent;
