//! A record from a hostile topic: an error or a plaintext, never a panic, never more than the cap.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| nucypher_envelope::fuzzing::fuzz_open(data));
