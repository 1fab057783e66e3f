//! RESP, versions 2 and 3: what Redis and Valkey speak with their clients.
//!
//! Forms and texts are Valkey's, letter for letter. Where Valkey would wait for ever or take
//! bytes that are no RESP, this is stricter: it says so at once. The daemon decodes requests and
//! encodes replies; the client does the reverse, so that both stand side by side here.

mod double;
mod number;
mod reply;
mod request;

pub use self::number::write_length;
pub use self::reply::{Encoder, Malformed, ReplyDecoder, Taken, decode_reply};
pub use self::request::{Decoder, encode_request};
