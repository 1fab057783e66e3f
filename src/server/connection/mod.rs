//! One client's connection, from its first byte to its end.
//!
//! Read `state` first, then `serve` (the loop) and `wait` (the events).

mod backlog;
pub(super) mod carry;
mod farewell;
pub(super) mod hang_up;
mod idle;
mod output;
mod read_ahead;
mod room;
mod serve;
mod stall;
pub(super) mod state;
mod wait;
