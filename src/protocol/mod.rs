//! The wire formats: pure functions between bytes and [`crate::message`], with no I/O.

pub mod text;
