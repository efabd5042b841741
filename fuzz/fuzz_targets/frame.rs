//! A session fed from both sides: `docs/architecture.md`, "The gateway".
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nucypher_kafka::gateway::session::fuzzing::frame(data));
