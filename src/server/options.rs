//! The limits of the serving side.

use std::time::Duration;

/// Limits of the serving side. Zero is unlimited, unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Connections at a time.
    pub max_clients: usize,
    /// Connections at a time of one uid.
    pub max_clients_per_user: usize,
    /// Bytes of one request, as sent.
    pub max_request: usize,
    /// Bytes of one reply.
    pub max_reply: usize,
    /// Bytes of all connections' buffers together; above it, reading pauses.
    pub max_memory: usize,
    /// A connection that is silent for this long is closed.
    pub client_timeout: Duration,
    /// Without a connection for this long, the server is idle.
    pub idle_exit: Duration,
    /// The longest time that a stop waits for requests already received.
    pub drain_timeout: Duration,
    /// The group whose members are administrators.
    pub admin_gid: Option<u32>,
}

impl Options {
    /// Limits the number of connections to `places`.
    pub(super) fn within(mut self, places: usize) -> Options {
        if places < usize::MAX {
            self.max_clients = match self.max_clients {
                0 => places,
                wanted => wanted.min(places),
            };
        }
        self
    }
}
