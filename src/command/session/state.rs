//! The state of one connection, as far as commands know it.

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

/// Bytes per watched key beside the key itself, which both this session and the embedded store
/// hold: entries in two tables of each, and one more table of the key's watchers.
const WATCHED: usize = 384;

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    /// The part that CLIENT LIST shows.
    pub(crate) client: Arc<Client>,
    users: Arc<Users>,
    protocol: Protocol,
    /// The keys that the session works on; none for a user without a key space.
    pub(crate) store: Option<Arc<Store>>,
    /// The key space of `store`. An administrator may choose another than its own.
    pub(crate) key_space: KeySpace,
    /// The number of the caller's own keys, once `status` asked for it.
    size: Option<Arc<CachedSize>>,
    /// The commands since MULTI.
    pub(crate) queue: Option<Queue>,
    pub(crate) watched: Watched,
    /// The watched keys, each once.
    pub(crate) watched_keys: HashSet<Bytes>,
    /// The commands logged for this session, each once.
    told: Vec<&'static str>,
    /// The most bytes of commands that may wait for EXEC.
    pub(crate) max_queue: usize,
    /// The most bytes of EXEC's reply.
    pub(crate) max_reply: usize,
}

/// The condition of the next EXEC.
#[derive(Debug, Default)]
pub(crate) enum Watched {
    /// No condition.
    #[default]
    Nothing,
    /// The watched keys have not changed.
    Keys(Watch),
    /// The watch is lost, so that changes of the keys are unknown. EXEC replies nil.
    Lost,
}

impl Session {
    /// A session of `caller`, which speaks text first. At most `max_queue` bytes of commands may
    /// wait for EXEC, whose reply has at most `max_reply` bytes (0: unlimited).
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

    /// The initial session of `client`.
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

    /// The part that CLIENT LIST shows.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The session's protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Changes the protocol.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.about().protocol = protocol;
    }

    /// Bytes of memory beside the connection's buffers.
    pub fn held(&self) -> usize {
        let watched: usize = self.watched_keys.iter().map(|key| WATCHED + 2 * key.len()).sum();
        watched + self.queue.as_ref().map_or(0, Queue::held)
    }

    /// Whether the protocol is text.
    pub(crate) fn is_text(&self) -> bool {
        self.protocol == Protocol::Text
    }

    /// The keys that the session works on. A user who lost administrator rights has only its own.
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

    /// Whether the session's keys include others than the caller's own.
    pub(crate) fn is_abroad(&self) -> bool {
        self.key_space != KeySpace::Own
    }

    /// The cached number of the caller's own keys, for `status`.
    pub(crate) fn size(&mut self) -> Arc<CachedSize> {
        Arc::clone(self.size.get_or_insert_default())
    }

    /// The peer.
    pub(crate) fn caller(&self) -> &Caller {
        &self.client.caller
    }

    /// Whether the caller is an administrator.
    pub(crate) fn is_administrator(&self) -> bool {
        self.users.administrators.include(self.caller())
    }

    /// Switches back to the caller's own keys.
    pub(crate) fn come_home(&mut self) {
        self.store = self.users.spaces.of(self.caller());
        self.key_space = KeySpace::Own;
    }

    /// Whether `command` is to be logged for the first time in this session.
    pub(crate) fn is_first(&mut self, command: &'static str) -> bool {
        let first = !self.told.contains(&command);
        if first {
            self.told.push(command);
        }
        first
    }

    /// Ends the transaction, if any, and forgets the watched keys.
    pub(crate) fn end_transaction(&mut self) {
        self.queue = None;
        self.forget_watched();
        self.client.about().queued = None;
    }
}

impl Session {
    /// Forgets the watched keys.
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
