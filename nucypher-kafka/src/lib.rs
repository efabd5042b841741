//! NuCypher kafka.

#[cfg(feature = "client")]
pub mod client;
