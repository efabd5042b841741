//! The gateway: a Kafka wire-protocol proxy in front of an unmodified cluster.

pub mod identity;
pub mod private_file;
pub mod reload;
pub mod tls;
