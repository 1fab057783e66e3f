//! The Valkey engine: keeps the data on a Valkey or Redis server (6.2 or later), on the master that
//! sentinels name, or on a cluster.
//!
//! Read `single/engine.rs` first: it carries out a batch on one server. The folders import one
//! another in this order, from the bottom up: `cache` (the near cache of one connection), `wire`
//! (one connection), `keys` (the prefix of all keys, and the meaning of replies), `connect` (makes,
//! keeps and lends connections), then `last` (the index that `last` reads), `cost` (bounds on what
//! requests cost a server) and `sentinel` (follows the master), then `single` (one server) and
//! `cluster` (many).
//!
//! This engine is the only part of kvsock that knows the `redis` crate. Its own driver in `wire`
//! carries all client requests. The crate carries kvsock's own small questions, see
//! `connect/inquiry.rs`.

mod cache;
pub(super) mod check;
mod cluster;
mod connect;
mod cost;
mod keys;
mod last;
mod sentinel;
mod single;
mod wire;

pub(super) use self::cluster::engine::Cluster;
pub(super) use self::cluster::watch::Watch as ClusterWatch;
pub(super) use self::single::engine::Valkey;
pub(super) use self::single::transaction::watch::Watch;
