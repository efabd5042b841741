//! An entry of the registry, as PEM, binary or a body alone: `docs/spec/registry.md`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nucypher_kafka::registry::fuzz_registry_entry(data));
