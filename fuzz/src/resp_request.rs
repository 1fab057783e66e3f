//! Requests in RESP, and typed in the same place.

use kvsock::protocol::resp;

use super::pieces;

/// The longest line that holds a number or an inline request.
const LINE: usize = 64 * 1024 + 2;

pub fn check(input: &[u8]) {
    let Some((arrival, bytes)) = pieces::split(input) else { return };
    pieces::check::<resp::Decoder>(arrival, &bytes, LINE);
}
