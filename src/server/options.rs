//! The limits of the serving side.

use std::time::Duration;

/// Limits of the serving side. Zero is unlimited, where not said otherwise.
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
    /// Bytes of all connections' buffers together; past it reading pauses.
    pub max_memory: usize,
    /// A connection that says nothing for this long is closed.
    pub client_timeout: Duration,
    /// Without a connection for this long, the server is idle.
    pub idle_exit: Duration,
    /// The longest that a stop waits for requests already received.
    pub drain_timeout: Duration,
    /// Members of this group are administrators.
    pub admin_gid: Option<u32>,
}

impl Options {
    /// The same with no more than `places` connections at a time.
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
