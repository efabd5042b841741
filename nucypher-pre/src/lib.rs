//! NuCypher pre.
