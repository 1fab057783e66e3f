//! What asks the servers.

pub(crate) mod benchmark;
pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod driver;
pub(crate) mod program;

/// Keys of each size of value; all are there.
pub(crate) const KEYS: u64 = 10_000;

/// A key of so many bytes' values, as `valkey-benchmark` numbers them.
pub(crate) fn key(size: usize, number: u64) -> String {
    format!("v{size}:{number:012}")
}

/// The value of all of them.
pub(crate) fn value(size: usize) -> String {
    "x".repeat(size)
}
