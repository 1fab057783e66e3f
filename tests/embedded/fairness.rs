//! One client's dear work, and what others are answered meanwhile.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kvsock::account::{Account, Accounts};
use kvsock::memory::Memory;
use kvsock::message::Reply;
use kvsock::store::{Operation, Options, Store};

use crate::support::{operation, options, value};

fn open(directory: &Path) -> Arc<Store> {
    Arc::new(Store::open(Options { has_parts: true, ..options(directory) }).unwrap())
}

async fn one(store: &Store, name: &str, args: &[&str]) -> Reply {
    store.execute(vec![operation(name, args)]).await.remove(0)
}

/// Carries out a batch for a user.
async fn run_for(store: &Store, account: &Arc<Account>, batch: Vec<Operation>) -> Vec<Reply> {
    let mut share = Arc::new(Memory::new(0)).share(account);
    let (replies, rest) = store.execute_within(batch, &mut share).await;
    assert!(rest.is_empty());
    replies
}

/// A number of `LCS` operations that take the writer longer than others may wait, on any machine.
const DEAR: usize = 16;

/// Two values whose common part takes a while to find.
async fn set_long(store: &Store) {
    for (key, byte) in [("a", "xy"), ("b", "yx")] {
        assert_eq!(one(store, "SET", &[key, &byte.repeat(5_500)]).await, Reply::OK);
    }
}

/// Does `others` again and again until `dear` has ended, which must not be before all was done once.
async fn while_it_runs<T: Send + 'static, F: Future>(
    dear: impl Future<Output = T> + Send + 'static,
    mut others: impl FnMut(usize) -> F,
) -> T {
    let dear = tokio::spawn(dear);
    let mut rounds = 0;
    while !dear.is_finished() {
        others(rounds).await;
        // Counts what was answered while the other still worked.
        rounds += usize::from(!dear.is_finished());
        tokio::task::yield_now().await;
    }
    assert!(rounds > 0, "nobody was answered while it worked");
    dear.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_write_while_dear_transactions_are_evaluated() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    set_long(&store).await;
    let dear = {
        let store = Arc::clone(&store);
        async move {
            let transaction = |n: usize| {
                let store = Arc::clone(&store);
                let set = operation("SET", &[format!("done{n}"), "1".to_owned()]);
                let batch = vec![operation("LCS", &["a", "b", "LEN"]), set];
                tokio::spawn(async move { store.transact(None, batch).await })
            };
            let mut replies = Vec::new();
            for task in (0..8).map(transaction).collect::<Vec<_>>() {
                replies.push(task.await.unwrap());
            }
            replies
        }
    };
    let replies = while_it_runs(dear, async |_| {
        assert_eq!(one(&store, "SET", &["polite", "1"]).await, Reply::OK);
    })
    .await;
    let expected = Reply::Array(vec![Reply::Integer(10_999), Reply::OK]);
    assert!(replies.iter().all(|reply| *reply == expected), "{replies:?}");
    store.close(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dear_transaction_is_evaluated_anew_when_what_it_read_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    set_long(&store).await;
    let transact = |store: &Arc<Store>| {
        let mut batch = vec![operation("LCS", &["a", "b", "LEN"]); DEAR];
        batch.push(operation("STRLEN", &["a"]));
        batch.push(operation("APPEND", &["a", "!"]));
        let store = Arc::clone(store);
        async move { store.transact(None, batch).await }
    };
    let reply = while_it_runs(transact(&store), async |round| {
        if round == 0 {
            assert_eq!(one(&store, "APPEND", &["a", "?"]).await, Reply::Integer(11_001));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    })
    .await;
    let expected = [&[10_999; DEAR][..], &[11_001, 11_002]].concat();
    let expected = expected.into_iter().map(Reply::Integer).collect();
    // Or it was not begun when that changed.
    assert_eq!(reply, Reply::Array(expected));
    // Others change it all the time: then it is refused, with nothing done.
    let reply = while_it_runs(transact(&store), async |_| {
        one(&store, "SETRANGE", &["a", "0", "z"]).await;
    })
    .await;
    let Reply::Error(error) = reply else { panic!("{reply:?}") };
    assert!(error.to_string().contains("transaction was not carried out"), "{error}");
    assert_eq!(one(&store, "STRLEN", &["a"]).await, Reply::Integer(11_002));
    store.close(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_on_a_key_space_holds_whoever_writes_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    one(&store, "SET", &["n", "1"]).await;
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in 0..300 {
                one(&store, "SET", &[&format!("k{number}"), "1"]).await;
            }
        })
    };
    let mut rounds = 0;
    while !writer.is_finished() || rounds == 0 {
        let batch = vec![
            operation::<&str>("DBSIZE", &[]),
            operation("SET", &["extra", "1"]),
            operation("KEYS", &["*"]),
            operation("DEL", &["extra"]),
            operation::<&str>("DBSIZE", &[]),
        ];
        let Reply::Array(replies) = store.transact(None, batch).await else { panic!("an array") };
        let Reply::List(keys) = &replies[2] else { panic!("{replies:?}") };
        let before = Reply::Integer(i64::try_from(keys.len()).unwrap() - 1);
        assert_eq!((&replies[0], &replies[4]), (&before, &before));
        rounds += 1;
    }
    writer.await.unwrap();
    store.close(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_cleared_while_others_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (one_part, other) = (Arc::new(store.part(b"u1:")), store.part(b"u2:"));
    for thousand in 0..30 {
        let key = |n| operation("SET", &[format!("{thousand:02}{n:03}"), "v".to_owned()]);
        one_part.execute((0..1_000).map(key).collect()).await;
    }
    let clear = {
        let part = Arc::clone(&one_part);
        async move { one(&part, "FLUSHDB", &[]).await }
    };
    let reply = while_it_runs(clear, async |_| {
        assert_eq!(one(&other, "SET", &["polite", "1"]).await, Reply::OK);
    })
    .await;
    assert_eq!(reply, Reply::OK);
    assert_eq!(one(&one_part, "DBSIZE", &[]).await, Reply::Integer(0));
    assert_eq!(one(&one_part, "LAST", &["5"]).await, Reply::Pairs(vec![]));
    assert_eq!(one(&store, "DBSIZE", &[]).await, Reply::Integer(1));
    assert_eq!(one(&other, "GET", &["polite"]).await, value("1"));
    store.close(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_batch_gives_way_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let (store, accounts) = (open(directory.path()), Accounts::default());
    let (hostile, polite) = (accounts.of(7), accounts.of(8));
    let batch = (0..50_000).map(|n| operation("SET", &[n.to_string(), "v".to_owned()]));
    let (batch, there) = (batch.collect(), Arc::clone(&store));
    let large = async move { run_for(&there, &hostile, batch).await };
    let replies = while_it_runs(large, async |_| {
        let set = vec![operation("SET", &["polite", "1"])];
        assert_eq!(run_for(&store, &polite, set).await, [Reply::OK]);
    })
    .await;
    assert_eq!(replies.len(), 50_000);
    assert!(replies.iter().all(|reply| *reply == Reply::OK));
    assert_eq!(one(&store, "DBSIZE", &[]).await, Reply::Integer(50_001));
    store.close(Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_users_long_reads_leave_threads_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let (store, accounts) = (open(directory.path()), Accounts::default());
    let (hostile, polite) = (accounts.of(7), accounts.of(8));
    set_long(&store).await;
    let there = Arc::clone(&store);
    let reads = async move {
        let read = |_| {
            let (store, account) = (Arc::clone(&there), Arc::clone(&hostile));
            let lcs = vec![operation("LCS", &["a", "b", "LEN"])];
            tokio::spawn(async move { run_for(&store, &account, lcs).await })
        };
        let mut replies = Vec::new();
        for task in (0..8).map(read).collect::<Vec<_>>() {
            replies.extend(task.await.unwrap());
        }
        replies
    };
    let replies = while_it_runs(reads, async |_| {
        let scan = vec![operation("SCAN", &["0"])];
        let replies = run_for(&store, &polite, scan).await;
        assert!(matches!(&replies[..], [Reply::Array(_)]), "{replies:?}");
    })
    .await;
    assert_eq!(replies, vec![Reply::Integer(10_999); 8]);
    store.close(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn one_users_iterations_leave_anothers_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, accounts) = (open(directory.path()), Accounts::default());
    let (hostile, polite) = (accounts.of(7), accounts.of(8));
    let sets = (0..6_000).map(|n| operation("SET", &[format!("{n:05}"), "v".to_owned()]));
    store.execute(sets.collect()).await;
    let scan = async |account: &Arc<Account>, cursor: &str| {
        let scan = vec![operation("SCAN", &[cursor, "COUNT", "1"])];
        let reply = run_for(&store, account, scan).await.remove(0);
        let Reply::Array(parts) = reply else { panic!("{reply:?}") };
        let [Reply::Value(next), Reply::List(keys)] = &parts[..] else { panic!("{parts:?}") };
        (String::from_utf8_lossy(next).into_owned(), keys[0].clone())
    };
    let (mine, _) = scan(&polite, "0").await;
    let mut cursor = "0".to_owned();
    for _ in 0..5_000 {
        cursor = scan(&hostile, &cursor).await.0;
    }
    assert_eq!(scan(&polite, &mine).await.1.as_deref(), Some(&b"00001"[..]));
    store.close(Duration::from_secs(20)).await;
}
