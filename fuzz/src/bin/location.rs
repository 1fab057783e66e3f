//! The store's URL.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvsock_fuzz::location::check(input));
