//! Commands: the table of them, who may call them, and what each does.
//!
//! A command takes a [`Request`] and gives a [`Reply`]; only the connection touches the socket.

mod access;
mod builtin;
mod context;
mod execute;
pub mod keygen;
mod session;
pub(crate) mod stop;
mod table;

pub use self::access::audit::{Audit, Full};
pub use self::access::caller::{Administrators, Caller};
pub use self::context::{Context, Counters, Scripts};
pub use self::execute::requests::{Execution, Next};
pub use self::session::clients::{Client, Clients};
pub use self::session::space::Namespace;
pub use self::session::state::Session;
pub use self::stop::Stop;
pub use self::table::{
    Arguments, COMMANDS, Command, Group, Local, Run, Who, find, find_in, value_at,
};

#[cfg(doc)]
use crate::message::{Reply, Request};
