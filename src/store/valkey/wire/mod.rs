//! One connection to a server. Read `connection.rs` first, then `driver.rs`.

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
