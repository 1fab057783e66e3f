//! The README's lines that move a machine from the embedded store to Valkey, as they stand there.

use crate::EMBEDDED;
use crate::client::ask;
use crate::machine::{Machine, wait_for};

const README: &str = include_str!("../../README.md");

/// The shell lines after this sentence.
fn lines(sentence: &str) -> &'static str {
    let (_, after) = README.split_once(sentence).expect("the README says so");
    let (_, block) = after.split_once("```sh\n").expect("lines follow");
    block.split_once("```").expect("they end").0
}

#[test]
fn a_machine_moves_to_valkey_as_the_readme_says() {
    let Some(machine) = Machine::boot_beside_valkey(EMBEDDED) else { return };
    machine.start_valkey();
    let prefix = "KVSOCK_KEY_PREFIX=kvsock:\n";
    machine.set_settings(&[EMBEDDED, prefix].concat());
    for n in 0..1000 {
        assert_eq!(ask(&machine, &format!("set key{n} \"value {n}\\xff\"")), "OK");
    }
    let script = lines("They move a machine from the embedded store to Valkey:");
    assert_eq!(script.lines().count(), 5, "five lines");
    machine.ok(&["sh", "-e", "-c", script]);
    wait_for("the store", || ask(&machine, "pingdb") == "PONG");
    let status = ask(&machine, "status");
    assert!(status.contains("Store: valkey://127.0.0.1:6379/0 (up)"), "{status}");
    assert_eq!(ask(&machine, "dbsize"), "1000");
    let value = machine.ok(&["kvsock", "--json", "get", "key7"]);
    assert_eq!(value, r#"{"base64":"dmFsdWUgN/8="}"#);
    assert_eq!(machine.ok(&["stat", "-c", "%a", "/run/kvsock/kvsock.sock"]), "660");
}
