//! The output of replies and progress, for people and scripts. Read `plain` first.

pub(crate) mod colour;
pub(crate) mod json;
pub(crate) mod plain;
pub(crate) mod progress;
