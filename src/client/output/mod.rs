//! Replies and progress, as people and scripts read them.

pub(crate) mod colour;
pub(crate) mod json;
pub(crate) mod plain;
pub(crate) mod progress;
