//! Callers: the user behind a connection, the administrators, and the log entries about callers.
//!
//! Read `caller` first; `audit` writes the entries, and `pace` bounds their number.

pub(super) mod audit;
pub(super) mod caller;
mod pace;
