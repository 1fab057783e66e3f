//! The Valkey is there and says no: to the password, to writes, to a save.

use redis::Value;

use crate::support::daemon::Daemon;
use crate::support::disk::SmallDisk;
use crate::support::load::{Allowed, Load};
use crate::support::role::{Kvsock, Server};
use crate::support::valkey::{Setup, Valkey};
use crate::{rounds, show, until};

/// Writes are refused with one of these, and reads are not.
fn refused(refusals: &'static [&'static str]) -> Allowed {
    Allowed { refusals, endings: false }
}

fn tells(valkey: &Valkey, section: &str, line: &str) -> bool {
    match valkey.command(&["INFO", section]) {
        Value::BulkString(text) => String::from_utf8_lossy(&text).contains(line),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_that_changed_is_an_error_until_the_daemon_knows_the_new_one() {
    let setup = Setup { password: Some("old-sesame"), durable: true, ..Setup::default() };
    let Some(mut valkey) = setup.start() else { return };
    let mut daemon = Daemon::start(&[
        ("STORE", &valkey.url()),
        ("STORE_PASSWORD", "old-sesame"),
        ("STORE_TIMEOUT", "100ms"),
    ]);
    let load = Load::start(&daemon.socket(), "k", Allowed { endings: true, ..Allowed::default() });
    load.go_on();
    valkey.restart_with_password("new-sesame");
    let mut reply = String::new();
    until("the password is refused", || {
        reply = daemon.ask("set other v");
        reply.starts_with("ERROR: store unavailable: ") && reply.contains(": WRONGPASS ")
    });
    assert!(!reply.contains("sesame"), "{reply}");
    load.go_on_by(1);
    assert_eq!(daemon.ask("ping"), "pong");
    // The password is fixed for the life of the process.
    assert!(daemon.stop().success());
    daemon.also([("KVSOCK_STORE_PASSWORD", "new-sesame")]);
    daemon.launch();
    load.go_on();
    let figures = load.finish();
    show(&format!("password changed: {figures}"));
    assert!(figures.unavailable > 0, "{figures}");
    let mut found = String::new();
    until("the store answers in its short time", || {
        found = daemon.ask("get other");
        !found.starts_with("ERROR: store unavailable: ")
    });
    assert_eq!(found, "(nil)", "what was refused was not done");
}

#[test]
fn a_store_out_of_memory_refuses_writes_and_is_read() {
    const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    valkey.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let load = Load::start(&daemon.socket(), "k", refused(&[OOM]));
    let mut client = daemon.connect();
    for _ in 0..rounds(3) {
        load.go_on();
        valkey.command(&["CONFIG", "SET", "maxmemory", "1"]);
        assert_eq!(client.ask("set k v"), format!("ERROR: {OOM}"));
        load.go_on();
        assert_eq!(client.ask("multi"), "OK");
        assert_eq!(client.ask("set k v"), "QUEUED");
        assert_eq!(client.ask("exists k"), "QUEUED");
        let reply = client.ask("exec");
        assert!(reply.starts_with("ERROR: EXECABORT "), "{reply}");
        assert_eq!(client.ask("get k"), "(nil)");
        valkey.command(&["CONFIG", "SET", "maxmemory", "0"]);
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("out of memory: {figures}"));
    assert!(figures.refused > 0, "{figures}");
    assert_eq!((figures.unavailable, figures.unknown), (0, 0), "{figures}");
    assert_eq!(client.ask("set k v"), "OK");
    assert_eq!(client.ask("last 1"), "k:v");
}

#[test]
fn a_store_that_became_a_replica_refuses_writes_and_is_read() {
    const READ_ONLY: &str = "READONLY You can't write against a read only replica.";
    let (Some(valkey), Some(other)) = (Setup::default().start(), Setup::default().start()) else {
        return;
    };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("STORE_TIMEOUT", "20s")]);
    let load = Load::start(&daemon.socket(), "k", refused(&[READ_ONLY]));
    let port = |of: &Valkey| match of.tcp() {
        kvsock::store::Transport::Tcp { port, .. } => port.to_string(),
        transport => panic!("{transport:?}"),
    };
    load.go_on();
    other.command(&["REPLICAOF", "127.0.0.1", &port(&valkey)]);
    for _ in 0..rounds(2) {
        // Its own word that it follows comes before its master knows.
        until("the replica follows", || tells(&valkey, "replication", "state=online"));
        // Hands over to the replica when that has everything, and becomes its replica.
        valkey.command(&["FAILOVER", "TO", "127.0.0.1", &port(&other)]);
        until("the failover", || {
            tells(&valkey, "replication", "role:slave")
                && tells(&valkey, "replication", "master_link_status:up")
        });
        assert_eq!(daemon.ask("set k v"), format!("ERROR: {READ_ONLY}"));
        load.go_on();
        // And back.
        until("the replica follows", || tells(&other, "replication", "state=online"));
        other.command(&["FAILOVER", "TO", "127.0.0.1", &port(&valkey)]);
        until("the failover", || tells(&valkey, "replication", "role:master"));
        load.go_on();
    }
    let figures = load.finish();
    show(&format!("a replica for a while: {figures}"));
    assert!(figures.refused > 0, "{figures}");
    assert_eq!(figures.unknown, 0, "{figures}");
    assert_eq!(daemon.ask("get k"), "(nil)");
}

/// The store saves to the disk.
pub(crate) fn outlives_a_disk_too_full_to_save(daemon: &dyn Kvsock, disk: &SmallDisk) {
    assert_eq!(daemon.ask("set k v"), "OK");
    assert_eq!(daemon.ask("save"), "OK");
    disk.fill(0);
    let reply = daemon.ask("save");
    assert!(reply.starts_with("ERROR: save failed"), "{reply}");
    // After a save that failed, Valkey takes no writes until one succeeds.
    let reply = daemon.ask("set k w");
    assert!(reply.starts_with("ERROR: MISCONF "), "{reply}");
    let refusal: &str = reply["ERROR: ".len()..].to_owned().leak();
    let load = Load::start(&daemon.socket(), "k", refused(vec![refusal].leak()));
    load.go_on();
    assert_eq!(daemon.ask("get k"), "v");
    disk.make_room();
    assert_eq!(daemon.ask("save"), "OK");
    load.go_on();
    let figures = load.finish();
    show(&format!("disk full on save: {figures}"));
    assert!(figures.refused > 0, "{figures}");
    assert_eq!((figures.unavailable, figures.unknown), (0, 0), "{figures}");
    assert_eq!(daemon.ask("set k w"), "OK");
}

#[test]
fn a_store_that_cannot_save_says_so_and_is_read() {
    let Some(disk) = SmallDisk::new("16m") else { return };
    let path: &str = disk.path().to_str().expect("UTF-8").to_owned().leak();
    let settings = vec![["dir", path], ["save", "3600 1000000"]];
    let Some(valkey) = (Setup { settings, ..Setup::default() }).start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    outlives_a_disk_too_full_to_save(&daemon, &disk);
}

/// The store writes its log to the disk, and leaves it to the kernel when.
pub(crate) fn outlives_a_disk_too_full_to_append(
    daemon: &dyn Kvsock,
    valkey: &mut dyn Server,
    disk: &SmallDisk,
) {
    const FULL: &str = "MISCONF Errors writing to the AOF file: No space left on device";
    let load = Load::start(&daemon.socket(), "k", refused(&[FULL]));
    load.go_on();
    disk.fill(4096);
    until("the disk is full", || {
        daemon.ask(&format!("set k {}", "x".repeat(1000))) == format!("ERROR: {FULL}")
    });
    load.go_on();
    disk.make_room();
    until("there is room", || daemon.ask("set k w") == "OK");
    load.go_on();
    let paused = load.pause();
    // What it took before, in between and after is on the disk.
    valkey.kill();
    valkey.launch();
    until("it is there again", || daemon.ask("get k") == "w");
    let figures = paused.check();
    show(&format!("disk full on append: {figures}"));
    assert!(figures.refused > 0, "{figures}");
    assert!(figures.unavailable == 0 && figures.unknown == 0, "{figures}");
}

#[test]
fn a_store_that_cannot_write_its_log_says_so_and_is_read() {
    let Some(disk) = SmallDisk::new("16m") else { return };
    let path: &str = disk.path().to_str().expect("UTF-8").to_owned().leak();
    let settings = vec![["dir", path], ["appendonly", "yes"], ["appendfsync", "no"]];
    let Some(mut valkey) = (Setup { settings, ..Setup::default() }).start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url())]);
    outlives_a_disk_too_full_to_append(&daemon, &mut valkey, &disk);
}
