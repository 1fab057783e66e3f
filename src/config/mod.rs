//! Settings: arguments, environment and credentials in, valid [`Settings`] out.
//!
//! Three stages: `input` collects texts, `parse` parses each text and keeps every fault, and
//! [`Settings`] hold only what can work. The [`table`] lists all settings. Read `load` first: it
//! runs the stages.

mod effect;
mod fault;
mod input;
mod load;
mod parse;
pub mod reload;
mod settings;
pub mod table;
#[cfg(test)]
mod tests;

pub use self::effect::InEffect;
pub use self::fault::{Fault, Faults, Origin, Problem, Subject};
pub use self::input::command_line::{Mode, command};
pub use self::load::{Invocation, LoadError, load};
pub use self::parse::read::default_socket;
pub use self::settings::{Settings, Warning};
