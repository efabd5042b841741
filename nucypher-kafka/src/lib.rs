//! NuCypher kafka.

pub mod registry;
