//! The near cache: values of the server's that need not be asked for again, since the server says
//! when they change (client-side caching by `CLIENT TRACKING`, RESP3). It is asked to for each that
//! is wanted, before its expiry and its value: for keys that are asked for more than once.
//!
//! Replies and what the server says unasked come in one order, on one connection, and the cache
//! follows it: a value goes in when its reply comes, and out when the server says that it changed.
//! So what is found here is what the server would have said at the end of what has come so far,
//! and nobody was told anything newer over this connection, but for who changed it: the
//! server says so after the reply to the change. Hence [`Cache::forget`] before that reply is
//! given. What was done on another connection is known here after one round trip more, see
//! [`super::Valkey::catch_up`].
//!
//! A cache belongs to one connection, and ends with it.

pub(crate) mod factory;
mod figures;
mod seen;
#[cfg(test)]
mod tests;
pub(crate) mod values;

pub(crate) use self::values::Cache;
