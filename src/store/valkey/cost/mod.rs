//! Bounds on the time and the memory that one user's requests may take of a server. Read
//! `expense.rs` first.
//!
//! A server executes one command at a time, so an expensive command delays all other clients. The
//! row of a command in the table says what the command costs (`Cost`); a new command needs no code
//! here.
//!
//! - Two expensive operations are in flight at a time, one of each user (`expense.rs`).
//! - An operation whose offset would make a value longer than `KVSOCK_MAX_REPLY` is refused before
//!   it is sent.
//! - The time that LCS and transactions take is estimated from the lengths of their values
//!   (`estimate.rs`). These values are watched, so that the estimate still holds at EXEC.
//! - The length of a value is asked for before APPEND only if replies have told that the value is
//!   long, or if the batch appends much (`growth.rs`).

pub(crate) mod estimate;
pub(crate) mod expense;
pub(crate) mod growth;
