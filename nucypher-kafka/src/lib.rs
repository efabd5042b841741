//! NuCypher kafka.

#[cfg(feature = "gateway")]
pub mod gateway;
pub mod protocol;
pub mod records;
pub mod registry;
