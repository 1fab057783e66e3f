//! The writer's transaction: changes over the committed data, and their commit.
//!
//! Read `transaction` first. `source` reads the data with the changes. `removal` removes many keys
//! at a time.

pub(crate) mod removal;
mod source;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;
