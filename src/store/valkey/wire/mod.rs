//! One connection to a server. Read `connection.rs` first, then `driver.rs`.
//!
//! The order of the replies is their only assignment to requests. A reply without a request would
//! shift all later replies to wrong clients. So a connection ends when a reply arrives while no
//! exchange is in flight. It also ends when the reply to one of kvsock's own commands (the index of
//! `last`, counts, SCAN, the commands that fill the near cache) has not the form that the command
//! requires, see `command.rs`.

pub(crate) mod command;
pub(crate) mod confinement;
pub(crate) mod connection;
pub(crate) mod driver;
pub(crate) mod ending;
pub(crate) mod error_text;
pub(crate) mod exchange;
pub(crate) mod outbox;
pub(crate) mod refusal;
pub(crate) mod stream;
pub(crate) mod substitute;
pub(crate) mod tls;
