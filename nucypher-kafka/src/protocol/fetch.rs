//! Fetch: what a client asks for, and where the records lie in what the broker answers.
//!
//! A response is located, not decoded: for each partition its topic, its error code and the place
//! of its record bytes. Cost: some 30 ns a partition, whatever it holds.

mod request;
mod response;

pub use request::{Asked, Bounds, walk_request};
pub use response::{Located, Partition, denial, walk_response};

/// The first version that names topics by id.
pub const TOPIC_IDS: i16 = 13;
/// `TOPIC_AUTHORIZATION_FAILED`.
pub const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
/// `UNKNOWN_TOPIC_ID`.
pub const UNKNOWN_TOPIC_ID: i16 = 100;

#[cfg(test)]
mod tests;
