//! Masters that are replaced under a load that checks every reply: killed, by command, frozen, and by
//! hand.
//!
//! Replicas are told of a write after it was acknowledged, so what was acknowledged in the last moment
//! of a master may be lost. Where a test says that nothing is, it sees to it that there is no such
//! write: the master carries out none while its replica catches up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kvsock::store::Store;

use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::support::sentinel::{NAME, SENTINELS, Setup, Watched};
use crate::tally::{Counter, Sum};
use crate::{run, show, until, until_up};

/// Keys that are counted in.
const COUNTERS: usize = 4;

/// Longer than any test: what goes on within it does so since something else ended the wait.
const ENDLESS: Duration = Duration::from_secs(600);

/// A daemon that waits for its store as long as it takes.
fn daemon(sentinels: &Watched) -> Daemon {
    let settings = [("STORE", &*sentinels.url()), ("STORE_TIMEOUT", "600s"), ("CACHE", "1MiB")];
    Daemon::start(&settings)
}

#[test]
fn nothing_is_lost_with_a_master_that_is_killed() {
    let Some(mut sentinels) = Setup::default().start() else { return };
    let daemon = daemon(&sentinels);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    sentinels.hold_writes();
    sentinels.kill(0);
    let begun = Instant::now();
    load.go_on_by(1);
    let pause = begun.elapsed();
    load.go_on();
    let figures = load.finish();
    // An election in which none has a majority is held again after twice the fail-over's time-out.
    let elections = sentinels.elections();
    show(&format!("a master killed: a pause of {pause:?}, elections: {elections}; {figures}"));
    assert_eq!(figures.unavailable, 0, "{figures}");
    assert!(sentinels.is_master(1));
    // The one that was killed comes back as a master, until it is told.
    for number in 0..SENTINELS {
        let soon = ["SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PUBLISH-PERIOD", "200"];
        assert_eq!(sentinels.sentinel(number, &soon), "OK");
    }
    sentinels.start_again(0);
    let is_told = || sentinels.follows(0);
    run(until("the old master follows", is_told));
    assert!(daemon.ask("status").contains("(up)"), "{}", daemon.ask("status"));
    assert_eq!(daemon.ask("set back there"), "OK");
    assert_eq!(sentinels.text(1, &["GET", "back"]), "there");
}

#[test]
fn a_fail_over_by_command_is_a_pause_for_who_lets_the_master_refuse_writes() {
    let Some(sentinels) = Setup { replicas: 2, ..Setup::default() }.start() else { return };
    let daemon = daemon(&sentinels);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    let begun = Instant::now();
    assert_eq!(sentinels.text(0, &["CONFIG", "SET", "min-replicas-to-write", "3"]), "OK");
    sentinels.catch_up();
    sentinels.fail_over();
    load.go_on_by(1);
    let pause = begun.elapsed();
    assert!(sentinels.is_master(0), "it was left before it knew");
    load.go_on();
    let figures = load.finish();
    show(&format!("a fail-over by command, writes refused: a pause of {pause:?}; {figures}"));
    assert_eq!(figures.unavailable, 0, "{figures}");
}

#[test]
fn a_master_that_stands_still_is_left_for_the_next() {
    let Some(sentinels) = Setup::default().start() else { return };
    let daemon = daemon(&sentinels);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    sentinels.hold_writes();
    sentinels.stop(0);
    let begun = Instant::now();
    load.go_on_by(1);
    let pause = begun.elapsed();
    load.go_on();
    sentinels.cont(0);
    // It goes on as a master until it is told, and nobody asks it.
    load.go_on();
    let figures = load.finish();
    show(&format!("a master stood still: a pause of {pause:?}; {figures}"));
    assert_eq!(figures.unavailable, 0, "{figures}");
}

#[test]
fn a_master_that_is_demoted_by_hand_refuses_and_is_left() {
    let Some(sentinels) = Setup::default().start() else { return };
    let daemon = daemon(&sentinels);
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    sentinels.hold_writes();
    let begun = Instant::now();
    assert_eq!(sentinels.text(1, &["REPLICAOF", "NO", "ONE"]), "OK");
    let port = sentinels.port(1).to_string();
    assert_eq!(sentinels.text(0, &["REPLICAOF", "127.0.0.1", &port]), "OK");
    assert_eq!(sentinels.text(0, &["CLIENT", "UNPAUSE"]), "OK");
    // These say so to nobody who listens for another master.
    for number in 0..SENTINELS {
        assert_eq!(sentinels.sentinel(number, &["SENTINEL", "REMOVE", NAME]), "OK");
        let words = ["SENTINEL", "MONITOR", NAME, "127.0.0.1", &port, "2"];
        assert_eq!(sentinels.sentinel(number, &words), "OK");
    }
    load.go_on_by(1);
    let pause = begun.elapsed();
    load.go_on();
    let figures = load.finish();
    show(&format!("a master demoted by hand: a pause of {pause:?}; {figures}"));
    assert_eq!((figures.unavailable, figures.unknown), (0, 0), "{figures}");
}

#[test]
fn a_kill_in_full_flight_loses_the_last_moment_at_most() {
    in_full_flight(Setup::default(), |sentinels| sentinels.kill(0));
}

#[test]
fn a_kill_in_full_flight_is_survived_with_tls_and_passwords_too() {
    let password = Some("hunter2");
    let setup = Setup { password, is_for_sentinels: true, tls: true, replicas: 1 };
    in_full_flight(setup, |sentinels| sentinels.kill(0));
}

#[test]
fn a_fail_over_by_command_in_full_flight_loses_what_the_old_master_did_meanwhile_at_most() {
    in_full_flight(Setup { replicas: 2, ..Setup::default() }, |sentinels| sentinels.fail_over());
}

/// Replaces the master while all count.
fn in_full_flight(setup: Setup, replace: impl FnOnce(&mut Watched)) {
    let Some(mut sentinels) = setup.start() else { return };
    run(async {
        let mut options = sentinels.options();
        options.timeout = ENDLESS;
        let store = Arc::new(Store::open(options).expect("it opens"));
        until_up(&store).await;
        let counters: Vec<Counter> =
            (0..COUNTERS).map(|number| Counter::start(&store, format!("n{number}"))).collect();
        until_all_count(&counters, 100).await;
        // All up to here is on the replicas, too.
        let safe: Vec<u64> = counters.iter().map(Counter::done).collect();
        sentinels.catch_up();
        let begun = Instant::now();
        replace(&mut sentinels);
        until("another one is named", || sentinels.named(0) != 0).await;
        let named = begun.elapsed();
        let master = sentinels.named(0);
        let count = || sentinels.text(master, &["GET", "n0"]);
        let before = count();
        until("it counts there", || count() != before).await;
        let pause = begun.elapsed();
        until_all_count(&counters, 100).await;
        let mut sums: Vec<Sum> = Vec::new();
        for counter in counters {
            sums.push(counter.finish(&store).await);
        }
        let since: u64 = sums.iter().zip(&safe).map(|(sum, safe)| sum.done - safe).sum();
        let lost: u64 = sums.iter().map(|sum| sum.done.saturating_sub(sum.held)).sum();
        show(&format!(
            "another master was named after {named:?} and counted on after {pause:?}; acknowledged \
             and lost: {lost}; {sums:?}"
        ));
        for (sum, safe) in sums.iter().zip(safe) {
            assert!(sum.held >= safe, "what was replicated is there: {sum:?}");
            assert!(sum.held <= sum.done + sum.unknown, "nothing is done twice: {sum:?}");
            assert_eq!(sum.unavailable, 0, "{sum:?}");
        }
        assert!(10 * lost <= since, "{lost} of {since} lost: it went on after the last moment");
    });
}

async fn until_all_count(counters: &[Counter], more: u64) {
    let done: Vec<u64> = counters.iter().map(Counter::done).collect();
    let all = || counters.iter().zip(&done).all(|(it, before)| it.done() >= before + more);
    until("all counters go on", all).await;
}
