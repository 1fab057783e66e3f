//! Requests in RESP.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kvsock_fuzz::resp_request::check(input));
