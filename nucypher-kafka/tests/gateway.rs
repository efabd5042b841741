//! The gateway with real sockets and unmodified clients, before librdkafka's mock cluster, or before
//! the cluster that `KAFKA_TEST_BOOTSTRAP` names (`scripts/kafka run`).
//!
//! A mock is no broker: what only Apache Kafka can prove is proved where the variable is set.

mod gateway {
    pub(crate) mod bench;
    mod grants;
    mod hostile;
    mod identity;
    mod plain;
    mod produce;
    mod raw;
}
