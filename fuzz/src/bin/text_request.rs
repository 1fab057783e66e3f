//! Requests in lines of text.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvsock_fuzz::text_request::check(input));
