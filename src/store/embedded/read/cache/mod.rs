//! The cache of records that were read or written lately, each with its value and its expiry. A
//! look-up here costs a small part of a look-up in the database. The cache also knows absent keys.
//!
//! The cache returns the records that the database holds for readers now. Before a commit the
//! writer announces the changes, and their keys are not found until the commit is visible. Then the
//! writer puts the new records in. A reader puts a record in only if no change has begun or ended
//! since before it took its snapshot. By the same rule, a record in the cache is the record in the
//! snapshot of its reader.
//!
//! Read `known` first: what the cache knows of a key. `records` is the cache.

pub(crate) mod known;
pub(crate) mod records;
#[cfg(test)]
mod tests;
