//! What one connection has told the daemon so far.

use std::sync::Arc;

use super::caller::Caller;
use super::clients::Client;
use super::context::Context;
use super::queue::Queue;
use crate::message::Protocol;
use crate::store::Watch;

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    /// What everybody may know of it.
    pub(super) client: Arc<Client>,
    context: Arc<Context>,
    protocol: Protocol,
    /// Commands since MULTI.
    pub(super) queue: Option<Queue>,
    pub(super) watched: Watched,
    /// Bytes of commands that may wait for EXEC.
    pub(super) max_queue: usize,
}

/// What the next EXEC depends on.
#[derive(Debug, Default)]
pub(super) enum Watched {
    /// Nothing.
    #[default]
    Nothing,
    /// Keys.
    Keys(Watch),
    /// Keys that can no longer be watched: what became of them nobody knows.
    Lost,
}

impl Session {
    /// A connection of `caller` at `address` that begins to speak `protocol`. Commands of at most
    /// `max_queue` bytes (0: unlimited) may wait for EXEC.
    pub fn new(
        context: &Arc<Context>,
        caller: Caller,
        address: Arc<str>,
        descriptor: i32,
        max_queue: usize,
    ) -> Session {
        let protocol = Protocol::Text;
        Session {
            client: context.clients.enter(caller, address, descriptor, protocol),
            context: Arc::clone(context),
            protocol,
            queue: None,
            watched: Watched::Nothing,
            max_queue: if max_queue == 0 { usize::MAX } else { max_queue },
        }
    }

    /// What is known of the connection.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// What the connection speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The connection speaks this from now on.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.about().protocol = protocol;
    }

    /// Bytes of memory held beside the connection's buffers.
    pub fn held(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::bytes)
    }

    /// Whether its requests are lines of text.
    pub(super) fn is_text(&self) -> bool {
        self.protocol == Protocol::Text
    }

    /// Who is at the other end.
    pub(super) fn caller(&self) -> &Caller {
        &self.client.caller
    }

    /// Whether the caller may do what is for administrators.
    pub(super) fn is_administrator(&self) -> bool {
        self.context.administrators.include(self.caller())
    }

    /// Ends the transaction, if there is one, and forgets what was watched.
    pub(super) fn end_transaction(&mut self) {
        self.queue = None;
        self.watched = Watched::Nothing;
        let mut about = self.client.about();
        (about.queued, about.watched) = (None, 0);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.context.clients.leave(&self.client);
    }
}
