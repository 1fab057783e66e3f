//! INFO and CLIENT LIST tell what is so, and leave out what kvsock does not know.

use std::os::unix::net::UnixDatagram;

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;

/// The line of the keyspace section, if there is one.
fn keyspace(wire: &mut Wire) -> Option<String> {
    let text = wire.text("INFO keyspace");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("# Keyspace"), "{text}");
    lines.next().map(str::to_owned)
}

fn counts_as_they_are(daemon: &Daemon) {
    let mut wire = Wire::connect(&daemon.socket());
    assert_eq!(keyspace(&mut wire), None);
    for count in 1..=30 {
        wire.ask(&format!("SET key:{count} 1 EX 1000"), "+OK\r\n");
        let line = keyspace(&mut wire).expect("a line");
        let mut fields = line.strip_prefix("db0:").expect("the database").split(',');
        assert_eq!(fields.next(), Some(&*format!("keys={count}")), "{line}");
        for field in fields {
            let (name, value) = field.split_once('=').expect("a field");
            assert!(name != "expires" || value == count.to_string(), "{line}");
            assert_ne!((name, value), ("avg_ttl", "0"), "{line}");
        }
    }
    wire.ask("FLUSHDB", "+OK\r\n");
    assert_eq!(keyspace(&mut wire), None);
}

#[test]
fn the_number_of_keys_is_that_of_now_and_nothing_is_said_of_expiry_that_is_not_so() {
    counts_as_they_are(&Daemon::start(&[]));
    for prefix in ["", "p:"] {
        let Some(valkey) = Setup::default().start() else { return };
        counts_as_they_are(&Daemon::start(&[("STORE", &valkey.url()), ("KEY_PREFIX", prefix)]));
    }
}

#[test]
fn a_daemon_is_supervised_if_somebody_is_told_how_it_is() {
    let daemon = Daemon::start(&[]);
    let line = |daemon: &Daemon| {
        let text = Wire::connect(&daemon.socket()).text("INFO server");
        text.lines().find(|line| line.starts_with("process_supervised:")).map(str::to_owned)
    };
    assert_eq!(line(&daemon).as_deref(), Some("process_supervised:no"));
    let mut daemon = Daemon::stopped(&[]);
    let manager = daemon.dir().join("manager");
    let _receiver = UnixDatagram::bind(&manager).unwrap();
    daemon.also([("NOTIFY_SOCKET", manager.to_str().unwrap())]);
    daemon.launch();
    assert_eq!(line(&daemon).as_deref(), Some("process_supervised:systemd"));
}

#[test]
fn what_kvsock_does_not_count_is_not_called_zero() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    let list = wire.text("CLIENT LIST");
    for field in ["multi-mem", "rbs", "rbp", "tot-net-in", "tot-net-out"] {
        assert!(!list.contains(&format!(" {field}=0")), "{list}");
    }
    let info = wire.text("INFO");
    assert!(!info.contains("maxmemory"), "the store's bound is not known: {info}");
}
