//! The messages between a protocol and a command: [`Request`] in, [`Reply`] out.
//!
//! These types know neither the bytes of any protocol nor the meaning of any command. Read `request`
//! first, then `reply`.

mod error_reply;
mod protocol;
pub(crate) mod refusal;
mod reply;
mod request;

pub use self::error_reply::ErrorReply;
pub use self::protocol::Protocol;
pub use self::reply::Reply;
pub use self::request::{Args, Name, Request};
