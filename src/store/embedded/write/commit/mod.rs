//! The writer's changes on top of the committed data, and their commit.
//!
//! `transaction` comes first. `removal` removes many keys at a time.

pub(crate) mod removal;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;
