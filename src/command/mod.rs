//! Commands: the table of them, who may call them, and what each does.
//!
//! A command takes a [`Request`] and gives a [`Reply`]; only the connection touches the socket.

mod audit;
mod batch;
mod caller;
mod carry;
mod catalog;
mod check;
mod client;
mod clients;
mod connection;
mod context;
mod execute;
mod help;
mod info;
mod keyspace;
mod local;
mod pace;
mod queue;
mod session;
mod settings;
mod size;
mod space;
mod status;
mod stop;
mod synopsis;
mod table;
mod transaction;

pub use self::audit::{Audit, Full};
pub use self::caller::{Administrators, Caller};
pub use self::clients::{Client, Clients};
pub use self::context::{Context, Counters, Scripts};
pub use self::execute::{Execution, Next};
pub use self::session::Session;
pub use self::space::Namespace;
pub use self::stop::Stop;
pub use self::table::{
    Arguments, COMMANDS, Command, Group, Local, Run, Who, find, find_in, value_at,
};

#[cfg(doc)]
use crate::message::{Reply, Request};
