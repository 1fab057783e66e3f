//! The stored form of keys, values, indexes and the state. Read `layout` first. `page` is the
//! stored form of the index of `last`, and `scope` is the prefix of a key space.

pub(crate) mod layout;
pub(crate) mod page;
pub(crate) mod scope;
