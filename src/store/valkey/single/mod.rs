//! The operations on one server: pipelines, transactions, scripts, and walks over all keys.

pub(crate) mod admission;
pub(crate) mod compound;
pub(crate) mod engine;
mod kind;
pub(crate) mod pipeline;
pub(crate) mod random;
pub(crate) mod save;
pub(crate) mod scan;
pub(crate) mod script;
pub(crate) mod transaction;
pub(crate) mod watch;
pub(crate) mod within;
