//! An EDEK and a header of them: parsing gives the same bytes again, decoding never panics.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| nucypher_envelope::fuzzing::fuzz_edek(data));
