//! The wire formats: pure functions between bytes and [`crate::message`], without I/O. Read
//! `decoded` first, then `text` or `resp`.

mod decoded;
mod outgoing;
mod progress;
pub mod resp;
pub mod text;

pub use self::decoded::Decoded;
pub use self::outgoing::Outgoing;
pub use self::progress::Progress;
