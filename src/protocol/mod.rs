//! The wire formats: pure functions between bytes and [`crate::message`], with no I/O.

mod decoded;
mod outgoing;
mod progress;
pub mod resp;
pub mod text;

pub use self::decoded::Decoded;
pub use self::outgoing::Outgoing;
pub use self::progress::Progress;
