//! Asking a store through its seam, without a daemon.

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Operation, Store};

/// Runs a test's future as the daemon runs: on one thread.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}

pub(crate) fn operation(name: &str, args: &[&str]) -> Operation {
    let args = args.iter().map(|arg| Bytes::from((*arg).to_owned())).collect();
    Operation::named(name, args).expect("a command")
}

/// The reply to one operation.
pub(crate) async fn one(store: &Store, name: &str, args: &[&str]) -> Reply {
    let mut replies = store.execute(vec![operation(name, args)]).await;
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}
