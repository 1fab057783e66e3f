//! Secrets out of the system's credential store.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::VALKEY;
use crate::client::ask;
use crate::machine::{Machine, wait_for};

#[test]
fn the_password_of_the_store_comes_from_the_credential_store() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    machine.start_valkey();
    let set_password = r"*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n$6\r\nsesame\r\n";
    let script = format!("printf '{set_password}' | nc -N 127.0.0.1 6379");
    assert_eq!(machine.ok(&["sh", "-c", &script]), "+OK");
    let refused = ask(&machine, "get x");
    assert!(refused.starts_with("ERROR: "), "{refused}");
    machine.systemctl(&["stop", "kvsock.service"]);

    let store = machine.path("/etc/credstore");
    fs::create_dir_all(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(store.join("store-password"), "sesame").unwrap();

    wait_for("the store", || ask(&machine, "set x hello") == "OK");
    assert_eq!(ask(&machine, "get x"), "hello");
}

/// A password that stands nowhere else on the machine.
const SECRET: &str = "sesame-4f0c91d2";

#[test]
fn an_encrypted_credential_opens_the_store_and_shows_nowhere() {
    let settings = format!("{VALKEY}KVSOCK_LOG=trace\n");
    let Some(machine) = Machine::boot_beside_valkey(&settings) else { return };
    machine.start_valkey();
    let file = "/etc/kvsock/store-password.cred";
    machine.ok(&["systemd-creds", "setup"]);
    let encrypt =
        format!("printf %s {SECRET} | systemd-creds encrypt --name=store-password - {file}");
    machine.ok(&["sh", "-c", &encrypt]);
    assert!(!fs::read_to_string(machine.path(file)).unwrap().contains(SECRET));
    machine.edit_unit(
        "kvsock.service",
        &format!("[Service]\nLoadCredentialEncrypted=store-password:{file}\n"),
    );
    let set = format!("CONFIG SET requirepass {SECRET}\\r\\n");
    machine.ok(&["sh", "-c", &format!("printf '{set}' | nc -N 127.0.0.1 6379")]);

    wait_for("the store", || ask(&machine, "set x hello") == "OK");
    assert_eq!(ask(&machine, "get x"), "hello");
    let mut seen =
        [ask(&machine, "status"), ask(&machine, "status json"), ask(&machine, "info")].concat();
    // Another password now: errors of every kind, which tell the cause.
    let other = format!(
        "printf 'AUTH {SECRET}\\r\\nCONFIG SET requirepass x\\r\\nCLIENT KILL TYPE normal SKIPME yes\\r\\n' | nc -N 127.0.0.1 6379"
    );
    machine.ok(&["sh", "-c", &other]);
    wait_for("a refusal by the store", || {
        let reply = ask(&machine, "get x");
        seen.push_str(&reply);
        reply.starts_with("ERROR: store unavailable: ")
    });
    seen.push_str(&ask(&machine, "status"));
    assert!(!seen.contains(SECRET), "{seen}");

    let daemon = machine.property("kvsock.service", "MainPID");
    for file in ["environ", "cmdline"] {
        let shown = fs::read(machine.path(&format!("/proc/{daemon}/{file}"))).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains(SECRET), "{file}");
    }
    machine.ok(&["journalctl", "--sync"]);
    let journal = machine.ok(&["journalctl", "--all", "--output=export", "--boot"]);
    assert!(journal.contains("kvsockd is ready"));
    assert!(!journal.contains(SECRET), "in the journal");
}
