//! Every decoder of nucypher-pre: what decodes gives its bytes again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nucypher_pre::fuzzing::fuzz_points_and_keys(data));
