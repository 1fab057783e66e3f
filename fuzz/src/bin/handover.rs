//! What one daemon leaves for the next.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvsock_fuzz::handover::check(input));
