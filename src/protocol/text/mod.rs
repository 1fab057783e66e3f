//! The text protocol: one request line in, one reply line out.
//!
//! `kvsock-protocol(7)` and section "Text protocol" of the README describe it for users. The daemon
//! decodes requests and encodes replies; the client does the reverse, so that both directions stand
//! here. Read `decode` first.

mod decode;
mod quote;
mod reply;
mod request;
mod words;

pub use self::decode::Decoder;
pub use self::quote::{Place, is_raw, write_word};
pub use self::reply::{ReplyLine, encode_reply, parse_list, parse_reply};
pub use self::request::encode_request;
pub use self::words::{Unbalanced, Words, split_words};
