//! The Kafka wire protocol, as far as a gateway has to understand it. No I/O.
//!
//! Nothing here decodes a message and encodes it again. Each module walks one kind of message
//! through a bounded [`wire::Reader`] and says where the few bytes lie that matter; what must
//! change is written down as [`Edits`](crate::records::Edits) over the frame, and every other byte reaches the
//! other side as it came, unknown tagged fields included.
//!
//! Reading order: [`wire`] (integers, strings, arrays, tagged fields), [`frame`] (length and
//! header), [`table`] (what the gateway does with each API), [`endpoint`] (how a broker's address is
//! replaced), then one module for each API that is more than forwarded.
//!
//! Called by the gateway's session and by the registry's topic reader. Everything that comes in
//! is hostile: lengths and counts are checked against the bytes that are there before anything
//! is reserved for them. No secrets pass here but SASL tokens, which nothing here prints.

pub mod api_versions;
pub mod configs;
pub mod coordinator;
pub mod describe_cluster;
pub mod endpoint;
pub mod fetch;
pub mod frame;
pub mod log;
pub mod metadata;
#[cfg(test)]
pub(crate) mod oracle;
pub mod produce;
pub mod sasl;
pub mod table;
pub mod topic;
pub mod wire;

#[cfg(test)]
mod tests;
