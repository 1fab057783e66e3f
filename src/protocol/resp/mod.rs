//! RESP, versions 2 and 3: the protocol of Redis and Valkey.
//!
//! Forms and texts are Valkey's, letter for letter. Where Valkey would wait for ever, or accept
//! bytes that are no RESP, kvsock reports an error at once. The daemon decodes requests and encodes
//! replies; the client does the reverse, so that both directions stand here. Read `request` first.

mod double;
mod number;
mod reply;
mod request;

pub use self::number::write_length;
pub use self::reply::{Encoder, Malformed, ReplyDecoder, Taken, decode_reply};
pub use self::request::{Decoder, encode_request};
