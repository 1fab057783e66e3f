//! Commands: the table of all commands, the right to call each, and the function of each.
//!
//! A command takes a [`Request`] and gives a [`Reply`]; only the connection writes to the socket.
//! Imports run one way: `table`, which the store imports, too; then `word`, `access`, `work`, `session`, `context`, `builtin`,
//! and `execute`. Read `table/row.rs` first, then `execute/requests.rs`.

mod access;
mod builtin;
mod context;
mod execute;
pub mod keygen;
mod session;
mod stop;
pub(crate) mod table;
mod word;
mod work;

pub use self::access::audit::{Audit, Full};
pub use self::access::caller::{Administrators, Caller};
pub use self::context::{Context, Counters, Scripts};
pub use self::execute::requests::{Execution, Next};
pub use self::session::clients::{Client, Clients};
pub use self::session::space::Namespace;
pub use self::session::state::Session;
pub use self::session::users::Users;
pub use self::stop::Stop;
pub use self::table::{
    Arguments, COMMANDS, Command, Effect, Group, Local, Own, Place, Run, Spec, Who, find, find_in,
    rows, value_at,
};

#[cfg(doc)]
use crate::message::{Reply, Request};
