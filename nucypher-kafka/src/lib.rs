//! NuCypher kafka.
