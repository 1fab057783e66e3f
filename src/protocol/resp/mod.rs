//! RESP, the protocol of Redis and Valkey, in its versions 2 and 3.
//!
//! Forms and error texts are those of Valkey 8. The daemon decodes requests and encodes replies;
//! the client does the reverse, so that both stand side by side here.

mod decode;
mod encode;
mod inline;
mod number;
mod reply;
mod request;

pub use self::decode::Decoder;
pub use self::encode::Encoder;
pub use self::reply::{Malformed, decode_reply};
pub use self::request::encode_request;
