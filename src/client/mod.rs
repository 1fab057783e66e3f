//! The `kvsock` command: requests to the daemon from a shell, a pipe or a prompt; the daemon's
//! state, live; and all data out of the store and into it.
//!
//! All of it blocks, and speaks RESP 3; only the pipe speaks the text protocol. Read `run` first: it
//! carries out the command line.

mod channel;
mod error;
mod interrupt;
mod invocation;
mod one_shot;
mod output;
mod pipe;
mod prompt;
mod run;
mod status;
mod transfer;
mod watch;

pub use self::invocation::completions::{completions, completions_file};
pub use self::invocation::definition::{SHELLS, definition};
pub use self::run::run;
