//! Commands: the table of them, who may call them, and what each does.
//!
//! A command takes a [`Request`] and gives a [`Reply`]; only the connection touches the socket.

mod caller;
mod context;
mod execute;
mod help;
mod size;
mod status;
mod table;

pub use self::caller::{Administrators, Caller};
pub use self::context::{Context, Counters};
pub use self::execute::{Next, execute};
pub use self::table::{Arguments, COMMANDS, Command, Local, Run, Who, find, value_at};

#[cfg(doc)]
use crate::message::{Reply, Request};
