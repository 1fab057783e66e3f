//! The server is away, or stands still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Health, Store};

use crate::load::Load;
use crate::support::valkey::Setup;
use crate::{one, operation, run, until_down, until_up, value};

#[test]
fn a_store_that_comes_up_later_is_waited_for() {
    let Some(mut server) = Setup::default().start() else { return };
    server.kill();
    run(async {
        let store = Store::open(server.options(server.tcp())).expect("it opens");
        until_down(&store, "connection refused").await;
        let batch = vec![operation("SET", &["k", "v"]), operation("GET", &["k"])];
        let waiting = store.execute(batch);
        let starting = async { server.restart() };
        let (replies, ()) = tokio::join!(waiting, starting);
        assert_eq!(replies, [Reply::OK, value("v")]);
        assert_eq!(store.health(), Health::Up);
    });
}

#[test]
fn a_store_that_stays_away_is_an_error_after_the_timeout() {
    let Some(mut server) = Setup::default().start() else { return };
    server.kill();
    run(async {
        let mut options = server.options(server.unix());
        let timeout = Duration::from_secs(2);
        options.timeout = timeout;
        let store = Store::open(options).expect("it opens");
        let begin = Instant::now();
        // The compound operation splits the batch; there is one wait all the same.
        let batch =
            vec![operation("SET", &["k", "v"]), operation("DBSIZE", &[]), operation("GET", &["k"])];
        for reply in store.execute(batch).await {
            let Reply::Error(ErrorReply::Unavailable(why)) = reply else { panic!("{reply:?}") };
            assert!(why == "no such socket" || why == "connection refused", "{why}");
        }
        let waited = begin.elapsed();
        assert!((timeout..2 * timeout).contains(&waited), "{waited:?}");
    });
}

#[test]
fn an_idle_connection_that_ends_is_noticed() {
    let Some(mut server) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(server.options(server.tcp())).expect("it opens");
        until_up(&store).await;
        server.kill();
        until_down(&store, "").await;
        server.restart();
        until_up(&store).await;
    });
}

#[test]
fn acknowledged_writes_survive_kills_under_load() {
    let Some(mut server) = Setup { durable: true, ..Setup::default() }.start() else { return };
    run(async {
        let store = Arc::new(Store::open(server.options(server.tcp())).expect("it opens"));
        until_up(&store).await;
        let load = Load::start(&store);
        for _ in 0..5 {
            load.go_on().await;
            server.kill();
            until_down(&store, "").await;
            server.restart();
        }
        load.go_on().await;
        let seen = load.finish().await;
        assert_eq!(seen.unavailable, 0, "the outages were shorter than the timeout");
    });
}

#[test]
fn a_server_that_stands_still_is_left_after_the_timeout() {
    let Some(server) = Setup::default().start() else { return };
    run(async {
        let mut options = server.options(server.tcp());
        options.timeout = Duration::from_millis(400);
        let store = Arc::new(Store::open(options).expect("it opens"));
        until_up(&store).await;
        let load = Load::start(&store);
        load.go_on().await;
        server.stop();
        let batch = vec![operation("SET", &["k", "v"]), operation("GET", &["other"])];
        let begin = Instant::now();
        let replies = store.execute(batch).await;
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        let unknown = Reply::Error(ErrorReply::OutcomeUnknown("SET"));
        assert_eq!(replies[0], unknown);
        assert!(matches!(replies[1], Reply::Error(ErrorReply::Unavailable(_))), "{replies:?}");
        until_down(&store, "").await;
        server.cont();
        until_up(&store).await;
        load.go_on().await;
        let seen = load.finish().await;
        assert!(seen.unknown > 0, "{seen:?}");
    });
}

#[test]
fn closed_connections_are_a_pause() {
    let Some(server) = Setup { durable: true, ..Setup::default() }.start() else { return };
    run(async {
        let store = Arc::new(Store::open(server.options(server.unix())).expect("it opens"));
        let load = Load::start(&store);
        for _ in 0..30 {
            load.go_on().await;
            server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        load.go_on().await;
        let seen = load.finish().await;
        assert_eq!(seen.unavailable, 0, "{seen:?}");
    });
}

#[test]
fn the_index_outlives_a_lost_connection() {
    let Some(mut server) = Setup { durable: true, ..Setup::default() }.start() else { return };
    run(async {
        let store = Store::open(server.options(server.tcp())).expect("it opens");
        assert_eq!(one(&store, "SET", &["k", "v"]).await, Reply::OK);
        // Before the index is written.
        server.kill();
        until_down(&store, "").await;
        server.restart();
        let expected = Reply::Pairs(vec![("k".into(), "v".into())]);
        assert_eq!(one(&store, "LAST", &["1"]).await, expected);
    });
}

#[test]
fn a_wait_without_end_ends_when_the_store_comes() {
    let Some(mut server) = Setup::default().start() else { return };
    server.kill();
    run(async {
        let mut options = server.options(server.tcp());
        options.timeout = Duration::ZERO;
        let store = Store::open(options).expect("it opens");
        let waiting = one(&store, "PING", &[]);
        let starting = async { server.restart() };
        assert_eq!(tokio::join!(waiting, starting).0, Reply::Status("PONG"));
    });
}
