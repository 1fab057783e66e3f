//! The index of `last`: the order in which keys were set.

pub(crate) mod recent;
#[cfg(test)]
mod tests;
