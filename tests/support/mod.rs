//! Fixtures that several test crates share: real servers, which end with the test.

#![allow(dead_code, reason = "each test crate uses its own part of the fixtures")]

pub(crate) mod certificates;
pub(crate) mod cluster;
pub(crate) mod daemon;
pub(crate) mod disk;
pub(crate) mod ledger;
pub(crate) mod load;
pub(crate) mod relay;
pub(crate) mod role;
pub(crate) mod seam;
pub(crate) mod sentinel;
pub(crate) mod valkey;
pub(crate) mod wire;
