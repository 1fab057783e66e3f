//! The cache of records that were read or written lately, each with its value and its expiry. A
//! look-up here costs a small part of a look-up in the database. The cache also knows absent keys.
//!
//! The cache returns the records that the database holds for readers now. Before a commit the
//! writer announces the changes, and their keys are not found until the commit is visible. Then the
//! writer puts the new records in. A reader puts a record in only if no change has begun or ended
//! since before it took its snapshot. By the same rule, a record in the cache is the record in the
//! snapshot of its reader.
//!
//! A batch of GETs that the cache can answer takes no snapshot. The cache remembers that a value is
//! too long to be kept, so that the value is read on another thread, and short requests do not wait
//! for it. After a commit the clients get their answers before the cache gets the records. With
//! these the writer knows the record that the next SET of the key replaces.
//!
//! Read `known` first: what the cache knows of a key. `records` is the cache.

pub(crate) mod known;
pub(crate) mod records;
#[cfg(test)]
mod tests;
