//! Slots that are moved under a load whose every reply is checked: nothing is lost, nothing done
//! twice, and the clients see no error.

use std::process::{Command, Stdio};

use crate::support::cluster::{Cluster, MASTERS, Setup};
use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::transactions::owner;
use crate::{rounds, show};

fn daemon(cluster: &Cluster) -> Daemon {
    Daemon::start(&[("STORE", &cluster.url()), ("STORE_TIMEOUT", "20s")])
}

#[test]
fn a_slot_that_moves_under_load_is_no_error() {
    let Some(cluster) = Setup::default().start() else { return };
    let daemon = daemon(&cluster);
    // All of the first load's keys are in the slot that moves, none of the others'.
    let moving = Load::start(&daemon.socket(), "{moves}", Allowed::default());
    let others = Load::start(&daemon.socket(), "k", Allowed::default());
    let (slot, mut from, mut keys) = (cluster.slot("{moves}"), owner(&cluster, "{moves}"), 0);
    for _ in 0..rounds(6) {
        moving.go_on();
        let to = (from + 1) % MASTERS;
        cluster.begin_move(&slot, from, to);
        // New keys are there, the others here.
        moving.go_on();
        keys += cluster.finish_move(&slot, from, to);
        from = to;
    }
    moving.go_on();
    others.go_on();
    let (moving, others) = (moving.finish(), others.finish());
    show(&format!("a slot moved {} times with {keys} keys: {moving}", rounds(6)));
    assert_eq!(moving.done, moving.all(), "{moving}");
    assert_eq!(others.done, others.all(), "{others}");
}

#[test]
fn slots_that_valkey_cli_moves_under_load_are_no_error() {
    let Some(cluster) = Setup::default().start() else { return };
    let daemon = daemon(&cluster);
    let count: usize = 300;
    // Its keys are among the first slots, which are those that are moved each time.
    let mut tags = (0..).map(|number| format!("{{t{number}}}"));
    let is_moved = |tag: &String| cluster.slot(tag).parse::<usize>().expect("a number") < count;
    let tag = tags.find(is_moved).expect("there are many");
    let load = Load::start(&daemon.socket(), &tag, Allowed::default());
    let program = ["valkey-cli", "redis-cli"].into_iter().find(|program| {
        Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success())
    });
    let moves = usize::try_from(rounds(3)).expect("a few");
    for (from, to) in (0..moves).map(|number| (number % MASTERS, (number + 1) % MASTERS)) {
        load.go_on();
        let status = Command::new(program.expect("it comes with the server"))
            .args(["--cluster", "reshard", &format!("127.0.0.1:{}", cluster.port(0))])
            .args(["--cluster-from", &cluster.id(from), "--cluster-to", &cluster.id(to)])
            .args(["--cluster-slots", &count.to_string(), "--cluster-yes"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("it runs");
        assert!(status.success(), "{status}");
        let keys = cluster.text(to, &["CLUSTER", "COUNTKEYSINSLOT", &cluster.slot(&tag)]);
        assert_ne!(keys, "0", "they have moved");
    }
    load.go_on();
    let figures = load.finish();
    show(&format!("valkey-cli moved {count} slots {moves} times: {figures}"));
    assert_eq!(figures.done, figures.all(), "{figures}");
}
