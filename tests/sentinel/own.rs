//! Connections that one client has for itself, for what it watches and for scripts, when the master is
//! replaced.

use kvsock::message::Reply;
use kvsock::store::Store;

use crate::support::sentinel::Setup;
use crate::{one, operation, run, until, until_up};

const COUNT: &str = "return redis.call('incr', KEYS[1])";

#[test]
fn scripts_and_watches_leave_a_master_that_is_replaced() {
    let Some(sentinels) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(sentinels.options()).expect("it opens");
        until_up(&store).await;
        let count = async || one(&store, "EVAL", &[COUNT, "1", "scripted"]).await;
        assert_eq!(count().await, Reply::Integer(1));
        let watch = store.watch(None, vec!["watched".into()]).await.expect("it is watched");
        sentinels.catch_up();
        sentinels.fail_over();
        until("another one is named", || sentinels.named(0) == 1).await;
        let shows = |key: &str| sentinels.text(1, &["GET", key]);
        until("kvsock asks it", || {
            sentinels.text(1, &["CLIENT", "LIST"]).contains("lib-name=kvsock")
        })
        .await;
        // It does not know yet, and would carry out everything.
        assert!(sentinels.is_master(0));
        let batch = vec![operation("SET", &["watched", "x"])];
        assert_eq!(store.transact(Some(watch), batch).await, Reply::NilList);
        assert_eq!(count().await, Reply::Integer(2));
        assert_eq!(shows("scripted"), "2");
        let watch = store.watch(None, vec!["watched".into()]).await.expect("it is watched");
        let batch = vec![operation("SET", &["watched", "y"])];
        assert_eq!(store.transact(Some(watch), batch).await, Reply::Array(vec![Reply::OK]));
        assert_eq!(shows("watched"), "y");
    });
}

#[test]
fn a_transaction_that_is_refused_is_done_as_soon_as_it_can_be() {
    let Some(sentinels) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(sentinels.options()).expect("it opens");
        until_up(&store).await;
        for length in [2, 200] {
            sentinels.text(0, &["CONFIG", "SET", "min-replicas-to-write", "3"]);
            let key = format!("n{length}");
            let batch = (0..length).map(|_| operation("INCR", &[&key])).collect();
            let allow = async {
                let refused = || sentinels.text(0, &["INFO", "errorstats"]).contains("NOREPLICAS");
                until("it is refused", refused).await;
                sentinels.text(0, &["CONFIG", "RESETSTAT"]);
                sentinels.text(0, &["CONFIG", "SET", "min-replicas-to-write", "0"]);
            };
            let (reply, ()) = tokio::join!(store.transact(None, batch), allow);
            let counts = (1..=length).map(Reply::Integer).collect();
            assert_eq!(reply, Reply::Array(counts));
        }
    });
}

#[test]
fn what_a_script_says_of_its_own_is_not_taken_for_a_refusal() {
    let Some(sentinels) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(sentinels.options()).expect("it opens");
        until_up(&store).await;
        let script = "redis.call('incr', KEYS[1]) return redis.error_reply('NOREPLICAS at all')";
        let said = one(&store, "EVAL", &[script, "1", "n"]).await;
        assert_eq!(said, Reply::coded("NOREPLICAS at all"));
        assert_eq!(sentinels.text(0, &["GET", "n"]), "1");
    });
}

#[test]
fn a_transaction_that_the_master_has_no_memory_for_names_the_cause() {
    let Some(sentinels) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(sentinels.options()).expect("it opens");
        until_up(&store).await;
        sentinels.text(0, &["CONFIG", "SET", "maxmemory", "1"]);
        let cause = "OOM command not allowed when used memory > 'maxmemory'.";
        let refused = Reply::coded(format!("EXECABORT Transaction discarded because of: {cause}"));
        for length in [2, 200] {
            let batch = (0..length).map(|_| operation("INCR", &["n"])).collect();
            assert_eq!(store.transact(None, batch).await, refused);
        }
        let watch = store.watch(None, vec!["n".into()]).await.expect("it is watched");
        let batch = vec![operation("INCR", &["n"])];
        assert_eq!(store.transact(Some(watch), batch).await, refused);
    });
}
