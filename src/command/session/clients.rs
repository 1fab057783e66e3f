//! The open connections, for CLIENT LIST and CLIENT KILL.
//!
//! A client that is killed stays killed. Its connection notices the kill while it waits for
//! requests, while it sends replies, and while requests are executed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::command::access::caller::Caller;
use crate::message::Protocol;
use crate::message::refusal::shown;

/// The open connections, by number.
#[derive(Debug, Default)]
pub struct Clients {
    newest: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Client>>>,
}

/// The public state of one connection.
#[derive(Debug)]
pub struct Client {
    /// The connection's number, unique in the life of the daemon.
    pub id: u64,
    /// The peer.
    pub caller: Caller,
    /// The path of the daemon's socket.
    pub address: Arc<str>,
    descriptor: i32,
    since: Instant,
    /// Another client has had the connection closed. This stays true.
    is_killed: AtomicBool,
    /// The client has its own connection closed, and the reply to that request is still to be sent.
    has_killed_itself: AtomicBool,
    kill: Notify,
    about: Mutex<About>,
}

/// The part that changes.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) name: Bytes,
    pub(crate) library: Bytes,
    pub(crate) library_version: Bytes,
    pub(crate) protocol: Protocol,
    /// The last command; a subcommand follows a blank.
    pub(crate) command: &'static str,
    pub(crate) active: Instant,
    /// The number of commands that wait for EXEC; none outside a transaction.
    pub(crate) queued: Option<usize>,
    /// The number of watched keys.
    pub(crate) watched: usize,
    /// The number of commands so far.
    pub(crate) commands: u64,
}

impl Clients {
    /// Adds a new connection.
    pub(crate) fn enter(&self, caller: Caller, address: Arc<str>, descriptor: i32) -> Arc<Client> {
        self.admit(self.next(), caller, address, descriptor, Duration::ZERO)
    }

    /// Adds a connection that had the number `id` with the previous daemon and has been open for
    /// `age`. An `id` that was never given, or belongs to another connection, is replaced by a new
    /// number.
    pub(crate) fn enter_again(
        &self,
        id: u64,
        caller: Caller,
        address: Arc<str>,
        descriptor: i32,
        age: Duration,
    ) -> Arc<Client> {
        let is_its_own = (1..=self.newest()).contains(&id) && !self.open().contains_key(&id);
        let id = if is_its_own { id } else { self.next() };
        self.admit(id, caller, address, descriptor, age)
    }

    fn next(&self) -> u64 {
        self.newest.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The last number given.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Skips the numbers up to `id`, which the previous daemon gave. A value too high to be reached
    /// in practice is ignored.
    pub fn skip_to(&self, id: u64) {
        if id < 1 << 62 {
            self.newest.fetch_max(id, Ordering::Relaxed);
        }
    }

    fn admit(
        &self,
        id: u64,
        caller: Caller,
        address: Arc<str>,
        descriptor: i32,
        age: Duration,
    ) -> Arc<Client> {
        let now = Instant::now();
        let client = Arc::new(Client {
            id,
            caller,
            address,
            descriptor,
            since: now.checked_sub(age).unwrap_or(now),
            is_killed: AtomicBool::new(false),
            has_killed_itself: AtomicBool::new(false),
            kill: Notify::new(),
            about: Mutex::new(About {
                name: Bytes::new(),
                library: Bytes::new(),
                library_version: Bytes::new(),
                protocol: Protocol::Text,
                command: "",
                active: now,
                queued: None,
                watched: 0,
                commands: 0,
            }),
        });
        self.open().insert(client.id, Arc::clone(&client));
        client
    }

    /// Removes a connection that has ended.
    pub fn leave(&self, client: &Client) {
        self.open().remove(&client.id);
    }

    /// The open connections, in the order of their numbers.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.open().values().map(Arc::clone).collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// The part that changes, locked.
    pub(crate) fn about(&self) -> MutexGuard<'_, About> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the connection closed: after the reply if the client closes its own, otherwise at once.
    pub(crate) fn kill(&self, by_itself: bool) {
        if by_itself {
            self.has_killed_itself.store(true, Ordering::Release);
            return;
        }
        self.is_killed.store(true, Ordering::Release);
        self.kill.notify_waiters();
    }

    /// Whether the client watches keys or is about to. For that it may have a connection to the
    /// store.
    pub fn is_watching(&self) -> bool {
        let about = self.about();
        about.watched > 0 || about.command == "watch"
    }

    /// Whether the client has its own connection closed once the request is answered.
    pub(crate) fn has_killed_itself(&self) -> bool {
        self.has_killed_itself.load(Ordering::Acquire)
    }

    /// Whether another client has had the connection closed.
    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Acquire)
    }

    /// Ends when another client has the connection closed. Any number of tasks may wait.
    pub async fn killed(&self) {
        // Created before the state is read, so that no kill falls between the two.
        let kill = self.kill.notified();
        if !self.is_killed() {
            kill.await;
        }
    }

    /// The time since the connection was opened.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// The connection's address in Valkey's form. All clients share the path of the daemon's
    /// socket; the connection's number stands in place of a port.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}:{}", self.address, self.id)
    }

    /// One line of CLIENT LIST, with its line end, in the fields of Valkey 8 that kvsock knows. The
    /// last two fields are kvsock's own. Of the other fields of Valkey, the sizes of buffers that
    /// valkey-py requires are always 0.
    pub(crate) fn line(&self) -> String {
        let about = self.about();
        let endpoint = self.endpoint();
        let mut line = format!(
            "id={} addr={endpoint} laddr={}:0 fd={} name={} age={} idle={} flags={} db=0 \
             sub=0 psub=0 ssub=0 multi={} watch={} qbuf=0 qbuf-free=0 argv-mem=0 obl=0 oll=0 \
             omem=0 tot-mem=0 events=r cmd={} user=default redir=-1 \
             resp={} lib-name={} lib-ver={} tot-cmds={}",
            self.id,
            self.address,
            self.descriptor,
            shown(&about.name),
            self.age().as_secs(),
            about.active.elapsed().as_secs(),
            if about.queued.is_some() { "Ux" } else { "U" },
            about.queued.map_or("-1".to_owned(), |queued| queued.to_string()),
            about.watched,
            if about.command.is_empty() {
                "NULL".to_owned()
            } else {
                about.command.replace(' ', "|")
            },
            match about.protocol {
                Protocol::Text => "text",
                Protocol::Resp2 => "2",
                Protocol::Resp3 => "3",
            },
            shown(&about.library),
            shown(&about.library_version),
            about.commands,
        );
        let pid = self.caller.pid.map_or("-1".to_owned(), |pid| pid.to_string());
        writeln!(line, " uid={} pid={pid}", self.caller.uid).expect("a String takes every write");
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter_again(clients: &Clients, id: u64) -> u64 {
        let caller = Caller { uid: 0, gid: 0, groups: Box::default(), pid: None };
        clients.enter_again(id, caller, "socket".into(), 9, Duration::ZERO).id
    }

    #[test]
    fn a_number_that_cannot_be_is_not_taken_over() {
        let clients = Clients::default();
        clients.skip_to(7);
        assert_eq!([3, 7].map(|id| enter_again(&clients, id)), [3, 7]);
        // Another connection's number, none, and numbers that were not given yet.
        assert_eq!([3, 0, 100, u64::MAX].map(|id| enter_again(&clients, id)), [8, 9, 10, 11]);
        clients.skip_to(u64::MAX);
        assert_eq!(enter_again(&clients, 0), 12);
    }
}
