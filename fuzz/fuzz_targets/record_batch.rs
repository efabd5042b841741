//! Records bytes of one partition: `docs/spec/records.md`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nucypher_kafka::records::fuzzing::record_batch(data));
