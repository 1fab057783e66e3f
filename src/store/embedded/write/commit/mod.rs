//! The writer's transaction: changes over the committed data, and their commit.
//!
//! Read `transaction` first. `removal` removes many keys at a time.

pub(crate) mod removal;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;
