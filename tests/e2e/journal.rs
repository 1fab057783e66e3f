//! What administrators read back with journalctl.

use crate::client::ask;
use crate::machine::{Machine, wait_for};
use crate::{EMBEDDED, VALKEY};

#[test]
fn the_entry_of_the_start_has_its_fields() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    assert_eq!(ask(&machine, "ping"), "pong");

    let mut entry = serde_json::Value::Null;
    wait_for("the entry of the start", || {
        let entries = machine.journal("kvsock.service");
        let start = entries.into_iter().find(|entry| entry["KVSOCK_VERSION"].is_string());
        start.map(|start| entry = start).is_some()
    });

    assert_eq!(entry["KVSOCK_VERSION"], env!("CARGO_PKG_VERSION"));
    assert_eq!(entry["KVSOCK_STORE"], "valkey://127.0.0.1:6379/0");
    assert_eq!(entry["MESSAGE_ID"], kvsock::logging::event::READY);
    assert_eq!(entry["SYSLOG_IDENTIFIER"], "kvsockd");
    assert_eq!(entry["_SYSTEMD_UNIT"], "kvsock.service");
    assert_eq!(entry["_UID"], machine.uid("kvsockd").to_string());
    assert!(entry["PRIORITY"].is_string(), "{entry}");
    let message = entry["MESSAGE"].as_str().unwrap();
    assert!(message.starts_with("kvsockd is ready: "), "{message}");
    assert!(message.contains("store=valkey://127.0.0.1:6379/0"), "{message}");
}

#[test]
fn no_password_is_ever_shown() {
    let url = "KVSOCK_STORE=valkey://keeper:sesame@127.0.0.1:6379/0\n";
    let apart = "KVSOCK_STORE_USERNAME=keeper\nKVSOCK_STORE_PASSWORD=sesame\n";
    let settings = [format!("{url}KVSOCK_LOG=debug\nKVSOCK_STORE_TIMEOUT=1s\n"), {
        format!("{VALKEY}{apart}KVSOCK_LOG=debug\n")
    }];
    let Some(machine) = Machine::boot_beside_valkey(&settings[0]) else { return };
    for settings in &settings {
        machine.set_settings(settings);
        machine.systemctl(&["restart", "kvsock.service"]);
        // The store away, and then refusing the password.
        for _ in 0..2 {
            let reply = ask(&machine, "get x");
            assert!(reply.starts_with("ERROR: "), "{reply}");
            assert!(!reply.contains("sesame"), "{reply}");
            machine.start_valkey();
        }
        machine.stop_valkey();
        machine.ok(&["journalctl", "--sync"]);
        let status = machine.systemctl(&["status", "--full", "--lines=1000", "kvsock.service"]);
        assert!(!status.contains("sesame"), "{status}");
    }
    assert_eq!(machine.property("kvsock.service", "NRestarts"), "0");
    let journal = machine.ok(&["journalctl", "--output=json", "--all", "--no-pager"]);
    assert!(journal.contains("KVSOCK_STORE"));
    assert!(!journal.contains("sesame"));
}

#[test]
fn no_value_is_ever_logged() {
    let Some(machine) = Machine::boot(&format!("{EMBEDDED}KVSOCK_LOG=trace\n")) else { return };
    assert_eq!(ask(&machine, "set motd sesame"), "OK");
    assert_eq!(ask(&machine, "get motd"), "sesame");
    // The rest of the log is written when the daemon stops.
    machine.systemctl(&["stop", "kvsock.service"]);
    machine.ok(&["journalctl", "--sync"]);
    let journal = machine.ok(&["journalctl", "--output=json", "--all", "--no-pager"]);
    assert!(!journal.contains("sesame"));
}
