//! What only the embedded engine promises: its files, its bounds, its order of setting.
//!
//! What both engines promise is in the contract suite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bounds;
mod cache;
mod commands;
mod damage;
mod expiry;
mod fairness;
mod files;
mod last;
mod long;
mod model;
mod prefix;
mod scan;
#[path = "../support/embedded.rs"]
mod support;
mod transaction;
