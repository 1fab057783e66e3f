//! Records that were asked for lately, each with its value and its expiry: a look here costs a small
//! part of what the database takes. Keys that are absent are known as such.
//!
//! What is found here is what the database has for those who read it now. The writer tells before a
//! commit what it changes, of which nothing is found until the commit can be seen; then what it has
//! written comes in. A reader brings in what it read if no change has begun or ended since before it
//! took its snapshot; by the same rule, a record that is found is the one of the reader's snapshot.
//!
//! `known` comes first: what the cache tells of a key. `records` is the cache.

pub(crate) mod known;
pub(crate) mod records;
#[cfg(test)]
mod tests;
