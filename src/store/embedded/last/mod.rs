//! The index of `last`: the order in which keys were set. `recent` is the whole index;
//! `crate::store::embedded::format::page` is its stored form.
//!
//! Earlier versions stored a slot for each key instead. Such an index is read, and the next commit
//! replaces the slots by a page.

pub(crate) mod recent;
#[cfg(test)]
mod tests;
