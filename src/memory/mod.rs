//! The bound on the memory that all clients hold together: `KVSOCK_MAX_MEMORY` over the buffers of
//! their connections and over replies on their way from the store.
//!
//! Past the bound, clients that hold much wait until others have let go; clients that hold little
//! never wait. So that clients that hold much cannot wait for each other, one of them at a time goes
//! on, past the bound by no more than its own request and one reply; users take turns.
//!
//! One user's clients hold at most three quarters of the bound, so that others find room. Read
//! `bound` first, then `client_share` (one client's part) and `reply_room` (one batch's replies).

mod bound;
mod client_share;
mod reply_room;
#[cfg(test)]
mod tests;

pub use self::bound::{Memory, SMALL};
pub use self::client_share::{ClientShare, Turn};
pub use self::reply_room::ReplyRoom;
