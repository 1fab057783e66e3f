//! The `kvsock` command as people and scripts use it.

mod one_shot;
mod pipe;
mod program;
mod prompt;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod transfer;
mod watch;
