//! The output of replies and progress, for people and scripts. Read `plain` first.

pub(super) mod colour;
pub(super) mod json;
pub(super) mod plain;
pub(super) mod progress;
