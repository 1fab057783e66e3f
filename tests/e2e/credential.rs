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
