//! RESP, versions 2 and 3: what Redis and Valkey speak with their clients.
//!
//! Forms and texts are Valkey's, letter for letter. Where Valkey would wait for ever or take
//! bytes that are no RESP, this is stricter: it says so at once. The daemon decodes requests and
//! encodes replies; the client does the reverse, so that both stand side by side here.

mod decode;
mod double;
mod encode;
mod error;
mod frame;
mod inline;
mod number;
mod reply;
mod request;
mod scan;
mod skip;
mod step;
#[cfg(test)]
mod tests;
mod words;

pub use self::decode::Decoder;
pub use self::encode::Encoder;
pub use self::number::write_length;
pub use self::reply::{ReplyDecoder, Taken, decode_reply};
pub use self::request::encode_request;
pub use self::scan::Malformed;
