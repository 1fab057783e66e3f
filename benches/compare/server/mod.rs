//! The servers that are compared, each on a Unix socket, and what they cost. They end when they are
//! dropped.

mod kvsock;
mod meter;
mod peer;
mod process;
mod valkey;

use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use kvsock::kvsock;
pub(crate) use meter::Meter;
pub(crate) use peer::{PROXYD, is_installed, memcached, nutcracker, socket_proxyd};
pub(crate) use valkey::valkey;

use crate::load::dialect::Dialect;
use crate::support::valkey::Valkey;
use process::Process;

/// The name of each kind of server in the table.
pub(crate) const VALKEY: &str = "Valkey";
pub(crate) const KVSOCK: &str = "kvsock";
pub(crate) const CACHED: &str = "kvsock, near cache";
pub(crate) const EMBEDDED: &str = "kvsock, embedded";
pub(crate) const NUTCRACKER: &str = "nutcracker";
pub(crate) const SOCKET_PROXYD: &str = "socket-proxyd";
/// One that is confined as kvsock is.
pub(crate) const CAGED_PROXYD: &str = "socket-proxyd, confined alike";
/// One before a Valkey that is started with it.
pub(crate) const COLD_VALKEY: &str = "socket-proxyd, its Valkey stopped too";
pub(crate) const MEMCACHED: &str = "memcached";

/// Clients that a server has to take.
const CLIENTS: usize = 12_000;

/// A running server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) socket: PathBuf,
    pub(crate) meter: Meter,
    /// What it is asked in where its own protocol is the question.
    pub(crate) dialect: Dialect,
    /// Ends it.
    owner: Owner,
}

#[allow(dead_code, reason = "held to be dropped")]
enum Owner {
    Process(Process),
    Valkey(Box<Valkey>),
}

/// As many descriptors as this process and those that it starts may have.
pub(crate) fn allow_many_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, all).expect("the soft limit may be raised");
}

/// How many clients can be connected to a server while it is connected to as many.
pub(crate) fn possible_clients() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
        .saturating_sub(1000)
}
