//! `kvsock watch`: the state of the daemon, live. A terminal is redrawn in place; a file or a pipe
//! gets one line for each look.
//!
//! Read `run` first, then `sample` (one look) and `figures` (two looks compared).

mod figures;
mod line;
mod run;
mod sample;
mod screen;
mod terminal;

pub(super) use self::run::run;
