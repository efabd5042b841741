//! NuCypher envelope.
