//! The near cache: values that the server need not be asked for again, since the server sends an
//! invalidation when they change (client-side caching by `CLIENT TRACKING`, RESP3). Read
//! `values.rs` first.
//!
//! kvsock opts in for each key that is read for the second time: CLIENT CACHING and PTTL precede
//! its GET.
//!
//! Replies and invalidations arrive in one order, on one connection, and the cache follows that
//! order. A value enters with its reply, and leaves with its invalidation. So a cached value is as
//! new as the last data that arrived on the connection, and no client of this connection has seen a
//! newer one. There is one exception: the server sends the invalidation for a change after the
//! reply to the change. Hence [`Cache::forget`] is called before that reply is given. A change on
//! another connection is known here after one more round trip, see `Valkey::catch_up`.
//!
//! Only the GETs at the beginning of a batch are answered from the cache, up to the first operation
//! that is sent to the server.
//!
//! A cache belongs to one connection and ends with it.

pub(crate) mod factory;
mod figures;
mod seen;
#[cfg(test)]
mod tests;
pub(crate) mod values;

pub(crate) use self::values::Cache;
