//! Ten thousand clients at once.

use std::sync::Barrier;
use std::thread::ScopedJoinHandle;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::show;
use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, CLIENTS, Load};
use crate::support::role::Kvsock;
use crate::support::wire::client::Client;

/// Threads that connect at the same time.
const THREADS: usize = 20;

/// As many clients as there are descriptors for, here and in the daemon.
fn most() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("raised");
    let most = limit.maximum.map_or(10_000, |limit| limit.saturating_sub(700).min(10_000));
    usize::try_from(most).expect("a small number") / THREADS * THREADS
}

#[test]
fn ten_thousand_clients_are_served() {
    let daemon = Daemon::start(&[]);
    let before = daemon.memory();
    let mut clients: Vec<Client> = (0..most()).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        client.send(b"ping\n");
    }
    for client in &mut clients {
        assert_eq!(client.line(), "pong");
    }
    let each = (daemon.memory() - before) / clients.len();
    show(&format!("{} idle clients cost {each} bytes each", clients.len()));
    // Of a program that is not optimized; 10 to 13 KiB were seen.
    assert!(each < 16 * 1024, "an idle client costs {each} bytes");
}

/// Clients that each set, read and count something of their own.
fn visit(daemon: &dyn Kvsock, name: &str, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| daemon.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let name = format!("{name}.{number}");
        client.send(format!("set {name} {name}\nget {name}\nincr {name}:n\n"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let name = format!("{name}.{number}");
        assert_eq!(client.line(), "OK", "{name}");
        assert_eq!(client.line(), name);
        assert_eq!(client.line(), "1", "{name}");
    }
    clients
}

/// The daemon has places for them.
pub(crate) fn tells_ten_thousand_their_own(daemon: &(dyn Kvsock + Sync)) {
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    let each = most() / THREADS;
    let all_here = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let visits: Vec<_> = (0..THREADS)
            .map(|thread| {
                let all_here = &all_here;
                scope.spawn(move || {
                    all_here.wait();
                    visit(daemon, &format!("t{thread}"), each)
                })
            })
            .collect();
        // All stay connected until the last was answered.
        let clients: Vec<_> = visits.into_iter().map(ScopedJoinHandle::join).collect();
        assert!(clients.iter().all(Result::is_ok), "every reply was right");
    });
    load.go_on();
    let figures = load.finish();
    let visitors = THREADS * each;
    show(&format!("{visitors} clients at once, each answered rightly; beside them {figures}"));
    assert_eq!(figures.done, figures.all(), "{figures}");
    let keys = 2 * visitors + 3 * CLIENTS;
    let found: usize = daemon.ask("dbsize").parse().expect("a number");
    // The load removes some of its own now and then.
    assert!((keys - CLIENTS..=keys).contains(&found), "{found}");
}

#[test]
fn ten_thousand_clients_that_come_at_once_are_each_told_their_own() {
    tells_ten_thousand_their_own(&Daemon::start(&[("SYNC", "no"), ("MAX_CLIENTS", "11000")]));
}
