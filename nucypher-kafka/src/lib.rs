//! NuCypher kafka.

pub mod records;
