//! The same with the daemon and its Valkey as packaged units, on systemd 252 and 257: a restart is
//! `systemctl restart`, and what is killed, its unit starts again.

use std::sync::Arc;

use crate::machine::Machine;
use crate::subject::{Engine, Fault, Subject};
use crate::try_out;
use crate::unit::{KvsockUnit, PACKAGED};

fn check(machine: Machine, engine: Engine) {
    let machine = Arc::new(machine);
    // The cage that there is for such stores.
    machine.install_drop_in("kvsock.service", "local-store.conf");
    let subject = Subject::start_in(&machine, engine);
    let found = try_out(subject, engine, 10, &machine.systemd());
    let kills = found.faults.get(&Fault::DaemonKilled).copied().unwrap_or_default();
    assert_eq!(KvsockUnit(machine).kills() as u64, kills, "it was killed, and never failed");
}

#[test]
fn histories_over_valkey_are_linearizable() {
    let Some(machine) = Machine::boot_beside_valkey(PACKAGED) else { return };
    check(machine, Engine::Valkey);
}

#[test]
fn histories_over_valkey_are_linearizable_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(PACKAGED) else { return };
    check(machine, Engine::Valkey);
}

#[test]
fn histories_over_the_embedded_store_are_linearizable() {
    let Some(machine) = Machine::boot(PACKAGED) else { return };
    check(machine, Engine::Embedded);
}

#[test]
fn histories_over_the_embedded_store_are_linearizable_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(PACKAGED) else { return };
    check(machine, Engine::Embedded);
}
