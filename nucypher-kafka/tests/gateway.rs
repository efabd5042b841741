//! The gateway with real sockets and unmodified clients, before librdkafka's mock cluster, or before
//! the cluster that `KAFKA_TEST_BOOTSTRAP` names (`scripts/kafka run`).
//!
//! A mock is no broker: what only Apache Kafka can prove is proved where the variable is set.

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

mod gateway {
    pub(crate) mod bench;
    mod grants;
    mod plain;
    mod produce;
}
