//! How keys, values, indexes and the state are written in the database.

pub(crate) mod layout;
pub(crate) mod page;
pub(crate) mod scope;
