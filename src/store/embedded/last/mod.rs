//! The index of `last`: the order in which keys were set. `recent` is the whole index;
//! `crate::store::embedded::format::page` is its stored form.

pub(crate) mod recent;
#[cfg(test)]
mod tests;
