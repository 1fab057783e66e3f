//! What one connection has told the daemon so far.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::clients::Client;
use super::queue::Queue;
use super::size::CachedSize;
use super::users::Users;
use crate::command::access::caller::Caller;
use crate::handover::KeySpace;
use crate::message::{ErrorReply, Protocol};
use crate::store::{Store, Watch};

/// What a watched key takes beside its bytes, which are held here and by the embedded store: entries
/// of two tables here and there, and one table more of those that watch it.
const WATCHED: usize = 384;

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    /// What everybody may know of it.
    pub(crate) client: Arc<Client>,
    users: Arc<Users>,
    protocol: Protocol,
    /// The keys that it works on; none for a user that has none.
    pub(crate) store: Option<Arc<Store>>,
    /// Whose they are: an administrator may choose others' than its own.
    pub(crate) key_space: KeySpace,
    /// How many are the caller's own, once it was asked for.
    size: Option<Arc<CachedSize>>,
    /// Commands since MULTI.
    pub(crate) queue: Option<Queue>,
    pub(crate) watched: Watched,
    /// Keys that are watched, each once.
    pub(crate) watched_keys: HashSet<Bytes>,
    /// Commands that the log was told of, each once.
    told: Vec<&'static str>,
    /// Bytes of commands that may wait for EXEC.
    pub(crate) max_queue: usize,
    /// Bytes of its reply.
    pub(crate) max_reply: usize,
}

/// What the next EXEC depends on.
#[derive(Debug, Default)]
pub(crate) enum Watched {
    /// Nothing.
    #[default]
    Nothing,
    /// Keys.
    Keys(Watch),
    /// Keys that can no longer be watched: what became of them nobody knows.
    Lost,
}

impl Session {
    /// A connection of `caller` at `address` that begins to speak text. Commands of at most
    /// `max_queue` bytes may wait for EXEC, whose reply has at most `max_reply` (0: unlimited).
    pub fn new(
        users: &Arc<Users>,
        caller: Caller,
        address: Arc<str>,
        descriptor: i32,
        max_queue: usize,
        max_reply: usize,
    ) -> Session {
        let client = users.clients.enter(caller, address, descriptor);
        Session::of(users, client, max_queue, max_reply)
    }

    /// A session of `client` that has told nothing yet.
    pub(crate) fn of(
        users: &Arc<Users>,
        client: Arc<Client>,
        max_queue: usize,
        max_reply: usize,
    ) -> Session {
        let limit = |bytes| if bytes == 0 { usize::MAX } else { bytes };
        let store = users.spaces.of(&client.caller);
        Session {
            store,
            key_space: KeySpace::Own,
            size: None,
            client,
            users: Arc::clone(users),
            protocol: Protocol::Text,
            queue: None,
            watched: Watched::Nothing,
            watched_keys: HashSet::new(),
            told: Vec::new(),
            max_queue: limit(max_queue),
            max_reply: limit(max_reply),
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
        let watched: usize = self.watched_keys.iter().map(|key| WATCHED + 2 * key.len()).sum();
        watched + self.queue.as_ref().map_or(0, Queue::held)
    }

    /// Whether its requests are lines of text.
    pub(crate) fn is_text(&self) -> bool {
        self.protocol == Protocol::Text
    }

    /// The keys that it works on. Who is no administrator any more has no others than its own.
    pub(crate) fn store(&self) -> Result<&Arc<Store>, ErrorReply> {
        if self.is_abroad() && !self.is_administrator() {
            self.users.audit.refuses(self.caller(), "keyspace");
            return Err(ErrorReply::Forbidden("keyspace"));
        }
        self.store.as_ref().ok_or_else(|| {
            let uid = match self.key_space {
                KeySpace::User(uid) => uid,
                KeySpace::Own | KeySpace::All => self.caller().uid,
            };
            let text = format!("NOPERM user {uid} has no key space");
            ErrorReply::Coded(text.into())
        })
    }

    /// Whether the keys are not, or not only, the caller's own.
    pub(crate) fn is_abroad(&self) -> bool {
        self.key_space != KeySpace::Own
    }

    /// How many keys are the caller's own, as `status` shows it.
    pub(crate) fn size(&mut self) -> Arc<CachedSize> {
        Arc::clone(self.size.get_or_insert_default())
    }

    /// Who is at the other end.
    pub(crate) fn caller(&self) -> &Caller {
        &self.client.caller
    }

    /// Whether the caller may do what is for administrators.
    pub(crate) fn is_administrator(&self) -> bool {
        self.users.administrators.include(self.caller())
    }

    /// Works on the caller's own keys again.
    pub(crate) fn come_home(&mut self) {
        self.store = self.users.spaces.of(self.caller());
        self.key_space = KeySpace::Own;
    }

    /// Whether the log is to be told of `command` for the first time.
    pub(crate) fn is_first(&mut self, command: &'static str) -> bool {
        let first = !self.told.contains(&command);
        if first {
            self.told.push(command);
        }
        first
    }

    /// Ends the transaction, if there is one, and forgets what was watched.
    pub(crate) fn end_transaction(&mut self) {
        self.queue = None;
        self.forget_watched();
        self.client.about().queued = None;
    }
}

impl Session {
    /// Forgets what was watched.
    pub(crate) fn forget_watched(&mut self) {
        self.watched = Watched::Nothing;
        self.watched_keys = HashSet::new();
        self.client.about().watched = 0;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.users.clients.leave(&self.client);
    }
}
