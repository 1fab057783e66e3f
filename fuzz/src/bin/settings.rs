//! The settings.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvsock_fuzz::settings::check(input));
