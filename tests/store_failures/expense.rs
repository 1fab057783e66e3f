//! What is expensive for a server, in which all clients wait.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Operation, Store};

use crate::support::valkey::{Setup, Valkey};
use crate::{one, operation, run, value};

const WAITS: &str = "too many expensive commands wait for it";

fn store_at(server: &Valkey, timeout: Duration) -> Store {
    let mut options = server.options(server.unix());
    options.timeout = timeout;
    Store::open(options).expect("it opens")
}

fn is_given_or_refused(reply: &Reply, given: &Reply) -> bool {
    match reply {
        Reply::Error(ErrorReply::Unavailable(why)) => why == WAITS,
        reply => reply == given,
    }
}

#[test]
fn many_expensive_commands_at_once_do_not_stop_others_writes() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let store = Arc::new(store_at(&server, Duration::from_secs(2)));
        // As long as LCS takes them: 64 of these take a server more than three seconds.
        let [a, b] = ["ab", "ba"].map(|part| part.repeat(1440));
        for (key, text) in [("a", &a), ("b", &b)] {
            assert_eq!(one(&store, "SET", &[key, text]).await, Reply::OK);
        }
        let given = one(&store, "LCS", &["a", "b", "LEN"]).await;
        assert_eq!(given, Reply::Integer(2879));
        let expensive = tokio::spawn({
            let store = Arc::clone(&store);
            async move {
                let lcs = || operation("LCS", &["a", "b", "LEN"]);
                let alone = join_all((0..32).map(|_| one(&store, "LCS", &["a", "b", "LEN"])));
                let within = join_all((0..32).map(|_| store.transact(None, vec![lcs()])));
                let (alone, within) = tokio::join!(alone, within);
                for reply in &alone {
                    assert!(is_given_or_refused(reply, &Reply::Integer(2879)), "{reply:?}");
                }
                let given = Reply::Array(vec![Reply::Integer(2879)]);
                for reply in &within {
                    assert!(is_given_or_refused(reply, &given), "{reply:?}");
                }
            }
        });
        let mut writes = 0;
        while !expensive.is_finished() {
            assert_eq!(one(&store, "SET", &["other", "x"]).await, Reply::OK);
            writes += 1;
        }
        expensive.await.expect("no other reply");
        assert!(writes > 10, "{writes}");
    });
}

#[test]
fn a_transaction_that_would_stop_the_server_is_refused_with_the_cause() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let store = store_at(&server, Duration::from_secs(5));
        let of = |name, args: &[&str]| operation(name, args);
        let [long, short] = [11_000, 10].map(|length| "x".repeat(length));
        let aborts = |batch: Vec<Operation>, cause: &'static str| {
            let store = &store;
            async move {
                let reply = store.transact(None, batch).await;
                let text = format!("EXECABORT Transaction discarded because of: ERR {cause}");
                let Reply::Error(ErrorReply::Coded(found)) = &reply else { panic!("{reply:?}") };
                assert!(found.starts_with(&text), "{found}");
            }
        };
        // Values that are made within it count as well.
        let batch =
            vec![of("SET", &["a", &long]), of("COPY", &["a", "b"]), of("LCS", &["a", "b", "LEN"])];
        aborts(batch, "LCS too expensive for the store: values of 11000 and 11000 bytes").await;
        assert_eq!(one(&store, "EXISTS", &["a", "b"]).await, Reply::Integer(0));
        for key in ["a", "b"] {
            assert_eq!(one(&store, "SET", &[key, &long]).await, Reply::OK);
        }
        let batch = vec![of("SET", &["a", &short]), of("LCS", &["a", "b", "LEN"])];
        let replies = Reply::Array(vec![Reply::OK, Reply::Integer(10)]);
        assert_eq!(store.transact(None, batch).await, replies);
        let batch = vec![of("LCS", &["b", "b", "LEN"])];
        aborts(batch, "LCS too expensive for the store").await;
        // Each is cheap; all together are not.
        for key in ["a", "b"] {
            assert_eq!(one(&store, "SET", &[key, &long[..1000]]).await, Reply::OK);
        }
        let batch = vec![of("LCS", &["a", "b", "LEN"]); 100];
        aborts(batch, "transaction too expensive for the store").await;
        let grows: Vec<Operation> = (0..10)
            .map(|number| of("SETBIT", &[&format!("grows{number}"), "500000000", "1"]))
            .collect();
        aborts(grows, "transaction too expensive for the store").await;
    });
}

#[test]
fn a_transaction_whose_watched_keys_stay_may_be_expensive() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let store = store_at(&server, Duration::from_secs(5));
        let watched = || store.watch(None, vec!["k".into()]);
        let batch = || vec![operation("BITCOUNT", &["k"]), operation("GET", &["k"])];
        assert_eq!(one(&store, "SET", &["k", "a"]).await, Reply::OK);
        let given = Reply::Array(vec![Reply::Integer(3), value("a")]);
        let watch = watched().await.expect("it watches");
        assert_eq!(store.transact(Some(watch), batch()).await, given);
        let watch = watched().await.expect("it watches");
        assert_eq!(one(&store, "SET", &["k", "b"]).await, Reply::OK);
        assert_eq!(store.transact(Some(watch), batch()).await, Reply::NilList);
        // Nothing stays watched on the connection that was given back.
        for text in ["c", "d"] {
            assert_eq!(one(&store, "SET", &["k", text]).await, Reply::OK);
            let Reply::Array(replies) = store.transact(None, batch()).await else { panic!() };
            assert_eq!(replies[1], value(text));
        }
    });
}

#[test]
fn a_batch_waits_once_for_a_server_that_does_not_serve() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let store = store_at(&server, Duration::from_millis(500));
        assert_eq!(one(&store, "SET", &["k", "v"]).await, Reply::OK);
        server.serve_nothing();
        let batch = vec![
            operation("GET", &["k"]),
            operation("DBSIZE", &[]),
            operation("TTL", &["k"]),
            operation("BITCOUNT", &["k"]),
            operation("TYPE", &["k"]),
            operation("LCS", &["k", "k"]),
            operation("EXISTS", &["k"]),
        ];
        for reply in store.execute(batch).await {
            let Reply::Error(ErrorReply::Unavailable(why)) = &reply else { panic!("{reply:?}") };
            assert!(why.starts_with("MASTERDOWN"), "{why}");
        }
        assert!(server.rejected("get") > 1, "the first waited");
        for command in ["dbsize", "ttl", "bitcount", "type", "exists"] {
            assert!((1..=2).contains(&server.rejected(command)), "{command} waited again");
        }
    });
}
