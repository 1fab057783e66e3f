//! Servers that are killed, and connections that are closed, under a load that checks every reply.

use std::sync::Arc;
use std::time::Instant;

use kvsock::message::Reply;
use kvsock::store::{Health, Store};

use crate::support::cluster::{Cluster, MASTERS, Setup};
use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::tally::{Counter, Sum};
use crate::transactions::owner;
use crate::{operation, rounds, run, show, until, until_up};

/// Keys that are counted in at each master.
const COUNTERS: usize = 4;

/// Counters whose keys are at a master.
fn counters(cluster: &Cluster, store: &Arc<Store>, master: usize) -> Vec<Counter> {
    let keys = (0..).map(|number| format!("n{number}"));
    let here = keys.filter(|key| owner(cluster, key) == master).take(COUNTERS);
    here.map(|key| Counter::start(store, key)).collect()
}

async fn until_all_count(counters: &[Counter], more: u64) {
    let done: Vec<u64> = counters.iter().map(Counter::done).collect();
    let all = || counters.iter().zip(&done).all(|(it, before)| it.done() >= before + more);
    until("all counters go on", all).await;
}

async fn finish(counters: Vec<Counter>, store: &Store) -> Vec<Sum> {
    let mut sums = Vec::new();
    for counter in counters {
        sums.push(counter.finish(store).await);
    }
    sums
}

#[test]
fn a_masters_replica_takes_over_and_the_others_go_on() {
    check_take_over(Setup { replicas: true, ..Setup::default() });
}

#[test]
fn a_replica_takes_over_with_tls_too() {
    check_take_over(Setup { replicas: true, tls: true, ..Setup::default() });
}

fn check_take_over(setup: Setup) {
    let Some(mut cluster) = setup.start() else { return };
    run(async {
        let mut options = cluster.options();
        options.timeout = std::time::Duration::from_secs(20);
        let store = Arc::new(Store::open(options).expect("it opens"));
        until_up(&store).await;
        let killed = counters(&cluster, &store, 0);
        let mut others = counters(&cluster, &store, 1);
        others.extend(counters(&cluster, &store, 2));
        until_all_count(&killed, 100).await;
        until_all_count(&others, 100).await;
        // All up to here is on the replica, too.
        let safe: Vec<u64> = killed.iter().map(Counter::done).collect();
        cluster.catch_up();
        cluster.kill(0);
        let begun = Instant::now();
        until("the store is down", || store.health() != Health::Up).await;
        // Those of other masters go on meanwhile.
        until_all_count(&others, 100).await;
        let others_went_on = begun.elapsed();
        assert_ne!(store.health(), Health::Up, "they did not wait for it");
        until_all_count(&killed, 100).await;
        let pause = begun.elapsed();
        until_up(&store).await;
        let (killed, others) = (finish(killed, &store).await, finish(others, &store).await);
        let lost: u64 = killed.iter().map(|sum| sum.done.saturating_sub(sum.held)).sum();
        show(&format!(
            "a master killed: the others went on within {others_went_on:?}, its keys after \
             {pause:?}; acknowledged and lost: {lost}; {killed:?}"
        ));
        for (sum, safe) in killed.iter().zip(safe) {
            assert!(sum.held >= safe, "what was replicated is there: {sum:?}");
            assert!(sum.held <= sum.done + sum.unknown, "nothing is done twice: {sum:?}");
            assert_eq!(sum.unavailable, 0, "the pause is shorter than the time-out: {sum:?}");
        }
        for sum in others {
            assert_eq!((sum.held, sum.unknown, sum.unavailable), (sum.done, 0, 0), "{sum:?}");
        }
        // The one that was killed comes back as a replica.
        cluster.restart(0);
        until("it follows", || cluster.serves(0)).await;
    });
}

#[test]
fn a_master_that_stands_still_is_left_for_its_replica() {
    let setup = Setup { replicas: true, ..Setup::default() };
    let Some(cluster) = setup.start() else { return };
    run(async {
        let mut options = cluster.options();
        options.timeout = std::time::Duration::from_secs(1);
        let store = Arc::new(Store::open(options).expect("it opens"));
        until_up(&store).await;
        // The others' server may be slow for as long as any.
        let patient = Arc::new(Store::open(cluster.options()).expect("it opens"));
        until_up(&patient).await;
        let (stopped, others) = (counters(&cluster, &store, 0), counters(&cluster, &patient, 1));
        until_all_count(&stopped, 100).await;
        let safe: Vec<u64> = stopped.iter().map(Counter::done).collect();
        cluster.catch_up();
        cluster.stop(0);
        until_all_count(&others, 100).await;
        // First their outcome is unknown, then nobody can be asked, and then the replica can be.
        until_all_count(&stopped, 100).await;
        let (stopped, others) = (finish(stopped, &store).await, finish(others, &patient).await);
        cluster.cont(0);
        show(&format!("a master stood still: {stopped:?}"));
        for (sum, safe) in stopped.iter().zip(safe) {
            assert!(sum.held >= safe, "what was replicated is there: {sum:?}");
            assert!(sum.held <= sum.done + sum.unknown, "nothing is done twice: {sum:?}");
            assert!(sum.unknown > 0, "{sum:?}");
        }
        for sum in others {
            assert_eq!((sum.held, sum.unknown, sum.unavailable), (sum.done, 0, 0), "{sum:?}");
        }
    });
}

#[test]
fn a_cluster_that_comes_up_later_is_waited_for() {
    let Some(mut cluster) = Setup::default().start() else { return };
    (0..MASTERS).for_each(|number| cluster.kill(number));
    run(async {
        let mut options = cluster.options();
        options.timeout = std::time::Duration::ZERO;
        let store = Store::open(options).expect("it opens");
        let is_told = |health| matches!(health, Health::Down(why) if why.contains("refused"));
        until("it is told why", || is_told(store.health())).await;
        let batch = ["a", "b", "c"].map(|key| operation("INCR", &[key]));
        let waiting = store.execute(batch.to_vec());
        let starting = async { (0..MASTERS).for_each(|number| cluster.restart(number)) };
        let (replies, ()) = tokio::join!(waiting, starting);
        assert_eq!(replies, vec![Reply::Integer(1); 3]);
        until_up(&store).await;
    });
}

#[test]
fn a_cluster_that_is_restarted_as_a_whole_loses_nothing() {
    let setup = Setup { durable: true, ..Setup::default() };
    let Some(mut cluster) = setup.start() else { return };
    let daemon = Daemon::start(&[("STORE", &cluster.url()), ("STORE_TIMEOUT", "20s")]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    for _ in 0..rounds(1) {
        load.go_on();
        (0..MASTERS).for_each(|number| cluster.kill(number));
        (0..MASTERS).for_each(|number| cluster.restart(number));
        load.go_on();
    }
    let figures = load.finish();
    show(&format!("the whole cluster restarted: {figures}"));
    assert_eq!(figures.unavailable, 0, "{figures}");
    // It knows when it has asked the servers again.
    run(until("the store is up", || daemon.ask("status").contains("(up)")));
}

#[test]
fn closed_connections_lose_nothing_and_nothing_is_done_twice() {
    let Some(cluster) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &cluster.url())]);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    for round in 0..rounds(30) {
        load.go_on_by(3);
        let number = usize::try_from(round).expect("a few") % MASTERS;
        cluster.command(number, &["CLIENT", "KILL", "TYPE", "normal"]).expect("it closes them");
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("connections closed {} times: {figures}", rounds(30)));
    assert_eq!(figures.unavailable, 0, "{figures}");
}
