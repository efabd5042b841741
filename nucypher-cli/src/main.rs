//! The nucypher program.
fn main() {}
