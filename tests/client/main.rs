//! The `kvsock` command as people and scripts use it.

mod destination;
mod one_shot;
mod pipe;
mod program;
mod prompt;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod transfer;
mod trust;
mod watch;
