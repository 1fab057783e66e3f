//! The commands that the daemon carries out itself, without the store or with more than one call
//! of it.
//!
//! Read `dispatch` first: it calls the function of each command.

mod catalog;
mod client;
pub(super) mod connection;
pub(super) mod dispatch;
mod help;
mod info;
pub(super) mod keyspace;
mod settings;
mod status;
mod synopsis;
pub(super) mod transaction;
