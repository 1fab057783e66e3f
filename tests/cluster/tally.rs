//! Clients of the store that count: each adds to one key of its own, one at a time, so that what the
//! key holds tells how often its additions were carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::Store;
use tokio::task::JoinHandle;

use crate::{one, operation};

/// A client at work.
pub(crate) struct Counter {
    pub(crate) key: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    is_over: AtomicBool,
    /// Additions that were acknowledged.
    done: AtomicU64,
    /// Those whose outcome is unknown.
    unknown: AtomicU64,
    /// Those that were not carried out.
    unavailable: AtomicU64,
}

/// What a counter came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum {
    pub(crate) done: u64,
    pub(crate) unknown: u64,
    pub(crate) unavailable: u64,
    /// What the key holds.
    pub(crate) held: u64,
}

impl Counter {
    /// Begins to count in `key`.
    pub(crate) fn start(store: &Arc<Store>, key: String) -> Counter {
        let state = Arc::new(State::default());
        let task = tokio::spawn(count(Arc::clone(store), key.clone(), Arc::clone(&state)));
        Counter { key, state, task }
    }

    /// How many additions were acknowledged so far.
    pub(crate) fn done(&self) -> u64 {
        self.state.done.load(Ordering::Relaxed)
    }

    /// Ends, and looks at what the key holds.
    pub(crate) async fn finish(self, store: &Store) -> Sum {
        self.state.is_over.store(true, Ordering::Relaxed);
        self.task.await.expect("every reply was right");
        let held = match one(store, "GET", &[&self.key]).await {
            Reply::Value(text) => std::str::from_utf8(&text).expect("a text").parse().expect("one"),
            other => panic!("{other:?} in {}", self.key),
        };
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let State { done, unknown, unavailable, .. } = &*self.state;
        Sum { done: read(done), unknown: read(unknown), unavailable: read(unavailable), held }
    }
}

/// Adds, and reads what is there, in one batch, until it is over.
async fn count(store: Arc<Store>, key: String, state: Arc<State>) {
    let mut asked = 0;
    while !state.is_over.load(Ordering::Relaxed) {
        let batch = vec![operation("INCR", &[&key]), operation("GET", &[&key])];
        let replies = store.execute(batch).await;
        let [added, read] = &replies[..] else { panic!("{replies:?}") };
        asked += 1;
        let count = match added {
            Reply::Integer(count) => {
                state.done.fetch_add(1, Ordering::Relaxed);
                Some(u64::try_from(*count).expect("not below 0"))
            }
            Reply::Error(ErrorReply::OutcomeUnknown("INCR")) => {
                state.unknown.fetch_add(1, Ordering::Relaxed);
                None
            }
            Reply::Error(ErrorReply::Unavailable(_)) => {
                state.unavailable.fetch_add(1, Ordering::Relaxed);
                None
            }
            other => panic!("{other:?} in {key}"),
        };
        assert!(count.is_none_or(|count| count <= asked), "{count:?} after {asked} in {key}");
        match (count, read) {
            (_, Reply::Error(ErrorReply::Unavailable(_))) | (None, _) => {}
            (Some(count), Reply::Value(text)) => assert_eq!(*text, count.to_string(), "in {key}"),
            (Some(count), other) => panic!("{other:?} after {count} in {key}"),
        }
    }
}
