//! One client's connection, from its first byte to its end.

pub(crate) mod backlog;
pub(crate) mod carry;
pub(crate) mod farewell;
pub(crate) mod hang_up;
pub(crate) mod idle;
pub(crate) mod output;
pub(crate) mod read_ahead;
pub(crate) mod room;
pub(crate) mod serve;
pub(crate) mod stall;
pub(crate) mod wait;
