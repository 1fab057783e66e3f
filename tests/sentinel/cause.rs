//! What is said where there is no master to be had.

use kvsock::store::{Health, Location, Options, Store};

use crate::support::sentinel::{SENTINELS, Setup};
use crate::{run, until, until_up};

/// Waits until the store is away for a cause that holds all of these.
async fn until_down(store: &Store, parts: &[&str]) {
    let mut cause = String::new();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !parts.iter().all(|part| cause.contains(part)) {
        assert!(std::time::Instant::now() < end, "{cause:?} has not all of {parts:?}");
        if let Health::Down(found) = store.health() {
            cause = found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn with_name(mut options: Options, name: &str) -> Options {
    let Location::Sentinels(place) = &mut options.location else { panic!("no sentinels") };
    name.clone_into(&mut place.master);
    options
}

#[test]
fn what_is_wrong_is_named() {
    let setup = Setup { password: Some("hunter2"), is_for_sentinels: true, ..Setup::default() };
    let Some(mut sentinels) = setup.start() else { return };
    run(async {
        let sentinel =
            |number: usize| format!("sentinel 127.0.0.1:{}", sentinels.sentinel_port(number));
        let [first, second, third] = [0, 1, 2].map(sentinel);
        // A name that none of them knows.
        let strange = with_name(sentinels.options(), "other");
        let store = Store::open(strange).expect("it opens");
        until_down(&store, &[&format!("{first}: it knows no master \"other\"")]).await;
        drop(store);
        // A wrong password, and none.
        for (password, told) in [(Some("wrong"), "WRONGPASS"), (None, "NOAUTH the store wants")] {
            let mut options = sentinels.options();
            options.password = password.map(kvsock::store::Secret::new);
            let store = Store::open(options).expect("it opens");
            until_down(&store, &[&format!("{first}: {told}")]).await;
        }
        let store = Store::open(sentinels.options()).expect("it opens");
        until_up(&store).await;
        // Without its replica no other one can become the master.
        sentinels.kill(1);
        sentinels.kill(0);
        let master =
            format!("master at valkey://127.0.0.1:{}/0: connection refused", sentinels.port(0));
        until_down(&store, &[&master]).await;
        for number in 0..SENTINELS {
            sentinels.kill_sentinel(number);
        }
        let refused = |sentinel| format!("{sentinel}: connection refused");
        let [first, second, third] = [first, second, third].map(refused);
        until_down(&store, &[&first, &second, &third]).await;
    });
}

#[test]
fn sentinels_that_stand_still_are_passed_over() {
    let Some(sentinels) = Setup::default().start() else { return };
    run(async {
        sentinels.stop_sentinel(0, true);
        sentinels.stop_sentinel(1, true);
        let mut options = sentinels.options();
        options.timeout = std::time::Duration::from_secs(600);
        let store = Store::open(options.clone()).expect("it opens");
        until_up(&store).await;
        sentinels.stop_sentinel(2, true);
        let store = Store::open(options).expect("it opens");
        let port = sentinels.sentinel_port(2);
        until_down(&store, &[&format!("sentinel 127.0.0.1:{port}: ")]).await;
        sentinels.stop_sentinel(1, false);
        until_up(&store).await;
    });
}

#[test]
fn a_server_that_is_named_and_no_master_is_not_taken() {
    let Some(sentinels) = Setup::default().start() else { return };
    run(async {
        // Sentinels that were told the wrong one, and follow it to no master.
        sentinels.stop(0);
        let store = Store::open(sentinels.options()).expect("it opens");
        until("the replica is promoted", || sentinels.named(0) == 1).await;
        until_up(&store).await;
        let port = sentinels.port(0).to_string();
        sentinels.text(1, &["REPLICAOF", "127.0.0.1", &port]);
        let told = format!("master at valkey://127.0.0.1:{}/0: it is a replica", sentinels.port(1));
        sentinels.text(1, &["CLIENT", "KILL", "TYPE", "normal"]);
        until_down(&store, &[&told]).await;
        sentinels.cont(0);
    });
}
