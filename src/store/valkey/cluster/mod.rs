//! The engine for a cluster of Valkey or Redis servers. It routes by itself, over one connection to
//! each server as the engine for one server has it, since a write whose outcome is unknown must not
//! be sent again, and only what is routed here knows which those are.
//!
//! `topology` keeps the `map` of who serves which slot, which `discovery` finds out; `split` says
//! where an operation goes, and `route` carries it out there; `whole` is what concerns all servers,
//! `transaction` and `watch` what is of one.

pub(crate) mod engine;
mod kind;
mod route;
mod slot;
mod topology;
mod transaction;
pub(crate) mod watch;
mod whole;
