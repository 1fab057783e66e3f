//! The disk of the embedded store gets full under load.

use crate::support::daemon::Daemon;
use crate::support::disk::SmallDisk;
use crate::support::load::{Allowed, Load};
use crate::support::role::Kvsock;
use crate::{rounds, show, until};

fn is_full(reply: &str) -> bool {
    reply.starts_with("ERROR: store unavailable: embedded:")
        && reply.ends_with(": no space left on device")
}

/// The daemon's embedded store is on the disk, and written as `KVSOCK_SYNC=sync` says.
pub(crate) fn outlives_a_full_disk(daemon: &mut dyn Kvsock, disk: &SmallDisk, sync: &str) {
    let load = Load::start(&daemon.socket(), "k", Allowed { endings: true, ..Allowed::default() });
    let times = rounds(3);
    for _ in 0..times {
        load.go_on();
        disk.fill(20_000);
        // The store may make room by itself, until the load has taken that, too.
        until("the disk is full", || {
            is_full(&daemon.ask("set k v"))
                && daemon.ask("status").contains("(down: no space left on device)")
        });
        load.go_on();
        disk.make_room();
        until("there is room", || daemon.ask("set k v") == "OK");
        assert!(daemon.ask("status").contains("(up)"));
    }
    load.go_on();
    // Full again, and killed.
    disk.fill(20_000);
    until("the disk is full", || is_full(&daemon.ask("set k v")));
    let paused = load.pause();
    daemon.kill();
    disk.make_room();
    daemon.launch();
    let figures = paused.check();
    show(&format!("disk full {} times with SYNC={sync}: {figures}", times + 1));
    assert!(figures.unavailable > 0, "{figures}");
}

fn by_itself(sync: &str) {
    let Some(disk) = SmallDisk::new("128m") else { return };
    let store = format!("embedded:{}", disk.path().join("db").display());
    let mut daemon = Daemon::start(&[("STORE", &store), ("SYNC", sync)]);
    outlives_a_full_disk(&mut daemon, &disk, sync);
}

#[test]
fn a_full_disk_loses_nothing_with_sync_always() {
    by_itself("always");
}

#[test]
fn a_full_disk_loses_nothing_with_sync_no() {
    by_itself("no");
}
