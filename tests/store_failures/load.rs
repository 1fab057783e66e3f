//! Load that checks every reply: each task has keys of its own, and every value names its key, so
//! that a swapped reply is seen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::Store;
use tokio::task::JoinHandle;

use crate::{one, operation, until};

/// Concurrent clients.
const TASKS: usize = 8;

/// What one client knows of its key.
struct Client {
    key: String,
    /// The values that the key may have: the one acknowledged, and those of unknown outcome since.
    possible: BTreeSet<u64>,
    next: u64,
    unknown: u64,
    unavailable: u64,
}

/// What the load saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) unknown: u64,
    pub(crate) unavailable: u64,
}

/// Clients at work.
pub(crate) struct Load {
    store: Arc<Store>,
    ended: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Client>>,
}

impl Load {
    /// Begins to send.
    pub(crate) fn start(store: &Arc<Store>) -> Load {
        let (ended, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = (0..TASKS).map(|number| {
            let (store, ended, rounds) =
                (Arc::clone(store), Arc::clone(&ended), Arc::clone(&rounds));
            tokio::spawn(async move {
                let mut client = Client::new(number);
                while !ended.load(Ordering::Relaxed) {
                    client.round(&store).await;
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                client
            })
        });
        let clients = clients.collect();
        Load { store: Arc::clone(store), ended, rounds, clients }
    }

    /// Waits until the clients have done a good deal more.
    pub(crate) async fn go_on(&self) {
        let before = self.rounds.load(Ordering::Relaxed);
        until("the load goes on", || self.rounds.load(Ordering::Relaxed) > before + 200).await;
    }

    /// Ends the load, and checks that every key has a value that it may have.
    pub(crate) async fn finish(self) -> Seen {
        self.ended.store(true, Ordering::Relaxed);
        let mut seen = Seen::default();
        for client in self.clients {
            let client = client.await.expect("no client saw a wrong reply");
            client.check(&one(&self.store, "GET", &[&client.key]).await);
            seen.unknown += client.unknown;
            seen.unavailable += client.unavailable;
        }
        seen
    }
}

impl Client {
    fn new(number: usize) -> Client {
        let (key, possible) = (format!("client{number}"), BTreeSet::from([0]));
        Client { key, possible, next: 1, unknown: 0, unavailable: 0 }
    }

    /// Writes, reads, and looks at a key that never exists, in one batch.
    async fn round(&mut self, store: &Store) {
        let written = self.next;
        self.next += 1;
        let value = format!("{}={written}", self.key);
        let missing = format!("{}.missing", self.key);
        let batch = vec![
            operation("SET", &[&self.key, &value]),
            operation("EXISTS", &[&missing]),
            operation("GET", &[&self.key]),
        ];
        let replies = store.execute(batch).await;
        let [set, exists, get] = &replies[..] else { panic!("three replies") };
        match set {
            Reply::Status("OK") => self.possible = BTreeSet::from([written]),
            Reply::Error(ErrorReply::OutcomeUnknown("SET")) => {
                self.possible.insert(written);
                self.unknown += 1;
            }
            Reply::Error(ErrorReply::Unavailable(_)) => self.unavailable += 1,
            other => panic!("{other:?}"),
        }
        match exists {
            Reply::Integer(0) | Reply::Error(ErrorReply::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
        self.check(get);
    }

    /// Whether a GET's reply is one of the values that the key may have.
    fn check(&self, reply: &Reply) {
        let found = match reply {
            Reply::Nil => 0,
            Reply::Value(bytes) => {
                let text = std::str::from_utf8(bytes).expect("a text");
                let (key, number) = text.split_once('=').expect("a key and a number");
                assert_eq!(key, self.key, "a reply went to another client");
                number.parse().expect("a number")
            }
            Reply::Error(ErrorReply::Unavailable(_)) => return,
            other => panic!("{other:?}"),
        };
        assert!(self.possible.contains(&found), "{found} of {:?} in {}", self.possible, self.key);
    }
}
