//! NuCypher kafka.

#[cfg(feature = "gateway")]
pub mod gateway;
