//! Produce: what a request holds, whether a response comes, and how partitions are taken out of the
//! one and put back into the other.
//!
//! A partition that is refused must not take its siblings with it. So it is cut out of the request,
//! the rest goes to the broker, and when the broker's answer comes the refusals are added to it.

mod request;
mod response;

pub use request::{Asked, AskedPartition, AskedTopic, acks, walk_request, without};
pub use response::{Answered, Refusal, TopicName, add, refuse_all, walk_response};

/// The first version that names topics by id.
pub const TOPIC_IDS: i16 = 13;
/// `INVALID_RECORD`.
pub const INVALID_RECORD: i16 = 87;

#[cfg(test)]
mod tests;
