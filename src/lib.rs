//! kvsock: a key/value service on a Unix socket, made for systemd.
//!
//! Data flows from bytes to a [`message::Request`], a command, the [`store`], a [`message::Reply`],
//! and bytes. `ARCHITECTURE.md` shows which module may import which. Read [`message`] first, then
//! [`command`].

pub mod account;
pub mod client;
pub mod command;
pub mod config;
pub mod daemon;
pub mod exit;
pub mod handover;
pub mod logging;
pub mod manual;
pub mod memory;
pub mod message;
pub mod protocol;
pub mod server;
pub mod store;
pub mod systemd;
