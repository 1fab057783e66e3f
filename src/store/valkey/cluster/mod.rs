//! The engine for a cluster of Valkey or Redis servers. Read `engine.rs` first, then
//! `route/batch.rs`.
//!
//! kvsock routes by itself, over one shared connection to each node. A write with an unknown
//! outcome must not be sent again, and only the router knows which writes those are.
//!
//! `topology` keeps the map of slots and their owners. `route` sends operations on keys to the
//! owners of the slots. `whole` carries out operations on all nodes, `transaction` and `watch`
//! those on one slot.
//!
//! Each node has the same connections as a single server has: a shared one and a pool of pinned
//! ones (`connect/node.rs`).

pub(crate) mod engine;
mod kind;
mod route;
pub(crate) mod slot;
pub(crate) mod topology;
mod transaction;
pub(crate) mod watch;
mod whole;
