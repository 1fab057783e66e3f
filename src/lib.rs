//! kvsock: a key/value service on a Unix socket, made for systemd.
//!
//! The way of the data is bytes, [`message::Request`], command, [`store`], [`message::Reply`],
//! bytes. `ARCHITECTURE.md` shows who may import whom.

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
