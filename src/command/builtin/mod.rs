//! The commands that the daemon carries out itself.

pub(crate) mod catalog;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod dispatch;
pub(crate) mod help;
pub(crate) mod info;
pub(crate) mod keyspace;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod synopsis;
