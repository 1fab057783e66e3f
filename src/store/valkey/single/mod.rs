//! The engine for one server. Read `engine.rs` first, then `pipeline.rs`, which carries out most
//! operations. `cluster` uses the transactions and the walks over all keys, too.

pub(crate) mod compound;
pub(crate) mod engine;
pub(crate) mod guarded;
mod kind;
pub(crate) mod pipeline;
pub(crate) mod random;
pub(crate) mod save;
pub(crate) mod scan;
pub(crate) mod script;
pub(crate) mod transaction;
