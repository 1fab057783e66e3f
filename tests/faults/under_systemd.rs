//! The matrix under the units as packaged, on systemd 252 and 257: fault after fault, each as this
//! directory has it for a daemon by itself. What takes a systemd to begin with, and faults that
//! Valkey can be told to have, are in `../e2e/`.

use std::fs;
use std::sync::Arc;

use crate::daemon_clock::{self, Clock};
use crate::machine::Machine;
use crate::store_line::{self, CUT, Faulty, SPOIL};
use crate::support::role::Kvsock;
use crate::unit::{EMBEDDED, KvsockUnit, PACKAGED, RELAYED, ValkeyUnit};
use crate::{
    client, crowd, daemon_descriptors, daemon_disk, rounds, show, store_away, store_refusing,
};

/// A clock for the daemon of the machine, and what its unit takes to go by it. Nothing of the cage is
/// in the way.
fn clock(machine: &Machine) -> Option<(Clock, String)> {
    const LIBRARY: &str = "/usr/local/lib/libfaketime.so.1";
    const OFFSET: &str = "/run/offset";
    let clock = Clock::by(machine.path(OFFSET))?;
    fs::copy(&clock.library, machine.path(LIBRARY)).expect("a file");
    let environment = Clock::environment(LIBRARY, OFFSET);
    let lines = environment.map(|(name, value)| format!("Environment={name}={value}\n"));
    Some((clock, lines.concat()))
}

/// The daemon on its embedded store, and its clients.
fn embedded(machine: Machine) {
    let machine = Arc::new(machine);
    let mut kvsock = KvsockUnit(Arc::clone(&machine));
    show(&format!("under the units of {}:", machine.systemd()));

    kvsock.set_up(&format!("{EMBEDDED}KVSOCK_SYNC=no\nKVSOCK_MAX_CLIENTS=11000\n"), "");
    crowd::tells_ten_thousand_their_own(&kvsock);

    let misbehaviour: [fn(&dyn Kvsock); 5] = [
        client::silent,
        client::slow,
        client::vanishing,
        client::half_closed,
        client::never_reading,
    ];
    for misbehave in misbehaviour {
        kvsock.set_up(&format!("{EMBEDDED}KVSOCK_MAX_REPLY=4MiB\n"), "");
        misbehave(&kvsock);
    }

    kvsock.set_up(&format!("{EMBEDDED}KVSOCK_SYNC=no\n"), "");
    daemon_descriptors::writes_again_when_there_are_descriptors(&kvsock);

    if let Some((clock, lines)) = clock(&machine) {
        kvsock.set_up(&format!("{EMBEDDED}KVSOCK_CLIENT_TIMEOUT=30min\n"), &lines);
        daemon_clock::outlives_steps_with_the_embedded_store(&mut kvsock, &clock);
    }
    assert_eq!(kvsock.kills(), 0, "it never failed");

    kvsock.set_up(&format!("{EMBEDDED}KVSOCK_SYNC=no\n"), "LimitNOFILE=256\n");
    daemon_descriptors::keeps_descriptors_for_its_files(&mut kvsock);

    kvsock.set_up(EMBEDDED, "");
    let disk = kvsock.small_disk("128m");
    daemon_disk::outlives_a_full_disk(&mut kvsock, &disk, "always");
    assert_eq!(kvsock.kills(), 2, "it was killed twice, and never failed");
}

/// The daemon, its Valkey, and the line between them.
fn valkey(machine: Machine) {
    const DURABLE: &str = "appendonly yes\nappendfsync always";
    let machine = Arc::new(machine);
    let (mut kvsock, mut valkey) = (KvsockUnit(Arc::clone(&machine)), ValkeyUnit::of(&machine));
    show(&format!("under the units of {}:", machine.systemd()));

    valkey.set_up(DURABLE);
    kvsock.set_up("KVSOCK_STORE_TIMEOUT=20s\n", "LimitNOFILE=256\n");
    daemon_descriptors::keeps_a_descriptor_for_its_store(&kvsock, &mut valkey);

    valkey.set_up("");
    // Its signs of life take no descriptors, either.
    kvsock.set_up("", "WatchdogSec=3s\n");
    daemon_descriptors::lets_wait_whom_it_cannot_take(&mut kvsock);

    valkey.set_up("");
    kvsock.set_up("KVSOCK_MAX_REQUEST=1MiB\n", "");
    client::endless(&kvsock, 1024.min(rounds(64)));

    if let Some((clock, lines)) = clock(&machine) {
        valkey.set_up("");
        kvsock.set_up("KVSOCK_CLIENT_TIMEOUT=30min\n", &lines);
        daemon_clock::outlives_steps_with_valkey(&mut kvsock, &clock);
    }

    valkey.set_up("save \"\"");
    kvsock.set_up("", "");
    store_away::serves_an_empty_one_as_it_is(&kvsock, &mut valkey);

    machine.stop_valkey();
    let disk = valkey.small_disk("16m");
    valkey.set_up("save 3600 1000000");
    kvsock.set_up("", "");
    store_refusing::outlives_a_disk_too_full_to_save(&kvsock, &disk);

    valkey.set_up("appendonly yes\nappendfsync no");
    kvsock.set_up("", "");
    store_refusing::outlives_a_disk_too_full_to_append(&kvsock, &mut valkey, &disk);

    machine.install_drop_in("kvsock.service", "local-store.conf");
    for (fault, outlives) in [
        (CUT, store_line::outlives_cuts as fn(&dyn Kvsock, &Faulty, u64)),
        (SPOIL, store_line::outlives_garbage),
    ] {
        valkey.set_up("");
        let faulty = Faulty::start(|rule| valkey.relay(rule), fault);
        kvsock.set_up(&format!("{RELAYED}KVSOCK_STORE_TIMEOUT=20s\n"), "");
        outlives(&kvsock, &faulty, rounds(10));
    }
    assert_eq!(kvsock.kills(), 0, "it never failed");
}

#[test]
fn faults_of_the_daemon_and_of_its_clients_harm_nobody() {
    let Some(machine) = Machine::boot(PACKAGED) else { return };
    embedded(machine);
}

#[test]
fn faults_of_the_daemon_and_of_its_clients_harm_nobody_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(PACKAGED) else { return };
    embedded(machine);
}

#[test]
fn faults_of_valkey_and_of_the_line_to_it_harm_nobody() {
    let Some(machine) = Machine::boot_beside_valkey(PACKAGED) else { return };
    valkey(machine);
}

#[test]
fn faults_of_valkey_and_of_the_line_to_it_harm_nobody_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(PACKAGED) else { return };
    valkey(machine);
}
