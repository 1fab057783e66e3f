//! Requests: decoded from frames and lines for the daemon, encoded for the client.
//!
//! Read `decoder` first: it chooses between `frame` and `inline` by the first byte.

mod decoder;
mod encoder;
mod frame;
mod inline;
mod step;
#[cfg(test)]
mod tests;
mod words;

pub use self::decoder::Decoder;
pub use self::encoder::encode_request;
