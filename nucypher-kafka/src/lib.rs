//! NuCypher kafka.

#[cfg(feature = "gateway")]
pub mod gateway;
pub mod records;
pub mod registry;
