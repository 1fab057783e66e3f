//! Replies: encoded by the daemon, decoded by the client and by the daemon from its store.
//!
//! Read `encoder` first for the forms of a reply, then `decoder`.

mod decoder;
pub(super) mod encoder;
mod error;
mod scan;
mod skip;

pub use self::decoder::{ReplyDecoder, Taken, decode_reply};
pub use self::encoder::Encoder;
pub use self::scan::Malformed;
