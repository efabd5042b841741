//! The whole protocol from a seed: every way to the delegatee opens to the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nucypher_pre::fuzzing::fuzz_protocol(data));
