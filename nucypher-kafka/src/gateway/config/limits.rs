//! Limits on memory and time, with their defaults.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;

/// Limits. `docs/operations.md` has the arithmetic.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once, over all listeners.
    pub connections: usize,
    /// The longest request, in bytes; Kafka's `socket.request.max.bytes`.
    pub request_bytes: u32,
    /// The longest response, in bytes.
    pub response_bytes: u32,
    /// The largest `max_bytes` of a fetch that reaches a broker.
    pub fetch_bytes: u32,
    /// Memory for frames that are held whole, for the whole process, in bytes; half for each direction.
    pub frame_memory_bytes: usize,
    /// Requests of one connection that wait for their responses.
    pub in_flight: usize,
    /// EDEKs that are remembered; each takes some 300 bytes.
    pub cached_edeks: usize,
    /// Topic ids that are remembered.
    pub cached_topics: usize,
    /// Threads for re-encryption, compression and passwords; zero for one on each processor.
    pub threads: usize,
    /// Silence between requests, in milliseconds; Kafka's `connections.max.idle.ms`.
    pub idle_ms: u64,
    /// No progress within a frame, in milliseconds.
    pub progress_ms: u64,
    /// A broker's answer, in milliseconds.
    pub response_ms: u64,
    /// From a connection to a known principal, in milliseconds.
    pub authentication_ms: u64,
    /// Connecting to a broker, in milliseconds.
    pub connect_ms: u64,
    /// From the signal to end to the end, in milliseconds.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            request_bytes: 100 << 20,
            response_bytes: 100 << 20,
            fetch_bytes: 16 << 20,
            frame_memory_bytes: 512 << 20,
            in_flight: 256,
            cached_edeks: 100_000,
            cached_topics: 100_000,
            threads: 0,
            idle_ms: 600_000,
            progress_ms: 30_000,
            response_ms: 900_000,
            authentication_ms: 30_000,
            connect_ms: 10_000,
            drain_ms: 10_000,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let key = |name: &str| format!("limits.{name}");
        let positive = [
            ("connections", self.connections),
            ("in_flight", self.in_flight),
            ("request_bytes", usize::try_from(self.request_bytes).unwrap_or(usize::MAX)),
            ("response_bytes", usize::try_from(self.response_bytes).unwrap_or(usize::MAX)),
            ("fetch_bytes", usize::try_from(self.fetch_bytes).unwrap_or(usize::MAX)),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(ConfigError::value(key(name), "must be positive"));
            }
        }
        for (name, value) in [
            ("request_bytes", self.request_bytes),
            ("response_bytes", self.response_bytes),
            ("fetch_bytes", self.fetch_bytes),
        ] {
            if i32::try_from(value).is_err() {
                return Err(ConfigError::value(key(name), "must be below 2147483648"));
            }
        }
        let largest = usize::try_from(self.request_bytes.max(self.response_bytes));
        // Half for each direction, and some room for rounding.
        let least = largest.unwrap_or(usize::MAX).saturating_add(64 * 1024).saturating_mul(2);
        if self.frame_memory_bytes < least {
            let problem =
                format!("must have room for the largest frame in each direction: at least {least}");
            return Err(ConfigError::value(key("frame_memory_bytes"), problem));
        }
        if self.fetch_bytes > self.response_bytes {
            return Err(ConfigError::value(
                key("fetch_bytes"),
                "must not be larger than response_bytes",
            ));
        }
        Ok(())
    }

    /// How long a value in milliseconds is.
    pub(in crate::gateway) fn duration(ms: u64) -> Duration {
        Duration::from_millis(ms.max(1))
    }
}
