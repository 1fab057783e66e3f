//! The connections that are open, for CLIENT LIST and CLIENT KILL.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::caller::Caller;
use crate::message::Protocol;
use crate::message::refusal::shown;

/// The open connections, by number.
#[derive(Debug, Default)]
pub struct Clients {
    newest: AtomicU64,
    open: Mutex<BTreeMap<u64, Arc<Client>>>,
}

/// What is known of one connection.
#[derive(Debug)]
pub struct Client {
    /// Its number, given once in the daemon's life.
    pub id: u64,
    /// Who is at the other end.
    pub caller: Caller,
    /// The daemon's end of the socket.
    pub address: Arc<str>,
    descriptor: i32,
    since: Instant,
    /// Somebody else wants the connection closed: it stays so.
    is_killed: AtomicBool,
    /// The client wants so itself, and its request is still to be answered.
    has_killed_itself: AtomicBool,
    kill: Notify,
    about: Mutex<About>,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) name: Bytes,
    pub(crate) library: Bytes,
    pub(crate) library_version: Bytes,
    pub(crate) protocol: Protocol,
    /// The command that came last, its subcommand after a blank.
    pub(crate) command: &'static str,
    pub(crate) active: Instant,
    /// Commands that wait for EXEC; none outside a transaction.
    pub(crate) queued: Option<usize>,
    /// Keys that are watched.
    pub(crate) watched: usize,
    /// Commands so far.
    pub(crate) commands: u64,
}

impl Clients {
    /// A new connection.
    pub(crate) fn enter(&self, caller: Caller, address: Arc<str>, descriptor: i32) -> Arc<Client> {
        self.admit(self.next(), caller, address, descriptor, Duration::ZERO)
    }

    /// A connection that had the number `id` with the daemon before, and is open for `age`. What
    /// cannot be its number, since it was not given yet or is another's, is not believed.
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

    /// The number given last.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Numbers up to `id` were given by the daemon before this one, unless nobody lives long enough
    /// to give so many.
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

    /// The connection is no more.
    pub fn leave(&self, client: &Client) {
        self.open().remove(&client.id);
    }

    /// Those that are open, by their numbers.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.open().values().map(Arc::clone).collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// What changes of it.
    pub(crate) fn about(&self) -> MutexGuard<'_, About> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the connection closed: at once, or, if the client wants so itself, after the reply.
    pub(crate) fn kill(&self, by_itself: bool) {
        if by_itself {
            self.has_killed_itself.store(true, Ordering::Release);
            return;
        }
        self.is_killed.store(true, Ordering::Release);
        self.kill.notify_waiters();
    }

    /// Whether it watches keys, or is about to, for which it may have a connection to the store.
    pub fn is_watching(&self) -> bool {
        let about = self.about();
        about.watched > 0 || about.command == "watch"
    }

    /// Whether the client wants its own connection closed once its request is answered.
    pub(crate) fn has_killed_itself(&self) -> bool {
        self.has_killed_itself.load(Ordering::Acquire)
    }

    /// Whether somebody else wants the connection closed.
    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Acquire)
    }

    /// Ends when somebody else wants the connection closed, however many wait for that.
    pub async fn killed(&self) {
        // Created before the look at the state, so that no kill falls between the two.
        let kill = self.kill.notified();
        if !self.is_killed() {
            kill.await;
        }
    }

    /// How long it is open.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Its address in Valkey's form. All clients have the path of the daemon's socket; in the
    /// place of a port stands what tells them apart.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}:{}", self.address, self.id)
    }

    /// One line of CLIENT LIST, with its end, in those fields of Valkey 8 that kvsock knows;
    /// the two last are kvsock's own. Of the others those are 0 that valkey-py cannot do without:
    /// sizes of buffers, of which kvsock's have no counterpart.
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
        // Another's, none, and such as were not given yet.
        assert_eq!([3, 0, 100, u64::MAX].map(|id| enter_again(&clients, id)), [8, 9, 10, 11]);
        clients.skip_to(u64::MAX);
        assert_eq!(enter_again(&clients, 0), 12);
    }
}
