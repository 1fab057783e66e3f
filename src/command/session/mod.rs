//! The state of one connection: its keys, its transaction, and its user.
//!
//! Read `state` first; `users` is the part that all sessions share.

pub(super) mod clients;
pub(super) mod queue;
mod record;
pub(super) mod size;
pub(super) mod space;
pub(super) mod state;
pub(super) mod users;
