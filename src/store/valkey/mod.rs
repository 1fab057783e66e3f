//! The Valkey engine: one connection to a Valkey or Redis server (6.2 or later), shared by all.
//!
//! `link` keeps the connection, `driver` turns it, `pipeline` sends what is one command each,
//! `compound` what takes several, and `index` is what `last` reads; `cache` knows what need not be
//! asked. A client that watches keys, runs a script or sends a long transaction has a connection of
//! its own from the `pool`. Sentinels are asked by the `redis` crate, which only this engine knows.
//! `cluster` makes of the same pieces an engine for several servers.

mod cache;
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
pub(super) use self::single::watch::Watch;
