//! Names and labels of the wire: the one home of this crate's domain separators and header names.
//!
//! Specification: `docs/spec/envelope.md`. Nothing here is secret.

/// The record header that carries the EDEKs.
pub const EDEK_HEADER: &str = "nu.edek";
/// The record header that authenticates a null value.
pub const NULL_HEADER: &str = "nu.null";
/// The record header that carries a signature.
pub const SIGNATURE_HEADER: &str = "nu.sig";

/// Enters the derivation of a DEK and its commitment.
pub(crate) const DEK_LABEL: &[u8] = b"nucypher/v1/dek";
/// Begins the additional authenticated data of a sealed value.
pub(crate) const RECORD_LABEL: &[u8] = b"nucypher/v1/record";

/// Enters the id of a signing key.
pub(crate) const SIGNER_ID_LABEL: &[u8] = b"nucypher/v1/sig-key-id";
/// Begins what a session signature is over.
pub(crate) const SESSION_SIGNATURE_LABEL: &[u8] = b"nucypher/v1/session-sig";
/// Begins what a record or attested signature is over.
pub(crate) const RECORD_SIGNATURE_LABEL: &[u8] = b"nucypher/v1/record-sig";
