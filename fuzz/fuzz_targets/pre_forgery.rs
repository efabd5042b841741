//! Forged proofs, fragments and shares: accepted is what an honest proxy sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nucypher_pre::fuzzing::fuzz_forgery(data));
