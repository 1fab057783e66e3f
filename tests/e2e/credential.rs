//! Secrets out of the system's credential store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use crate::client::{ask, connect};
use crate::machine::{Machine, wait_for};
use crate::{EMBEDDED, VALKEY};

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
        &format!("[Service]\nLoadCredentialEncrypted=store-password:{file}\nRestart=no\n"),
    );
    let set = format!("CONFIG SET requirepass {SECRET}\\r\\n");
    machine.ok(&["sh", "-c", &format!("printf '{set}' | nc -N 127.0.0.1 6379")]);

    wait_for("the store", || ask(&machine, "set x hello") == "OK");
    assert_eq!(ask(&machine, "get x"), "hello");
    let mut seen = shown(&machine);
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
    assert!(seen.contains("WRONGPASS"), "{seen}");
    seen.push_str(&shown(&machine));
    seen.push_str(&machine.systemctl(&["show", "kvsock.service"]));
    seen.push_str(&machine.systemctl(&["status", "--full", "--lines=1000", "kvsock.service"]));
    assert!(!seen.contains(SECRET), "{seen}");

    let daemon = machine.property("kvsock.service", "MainPID");
    for file in ["environ", "cmdline"] {
        let shown = fs::read(machine.path(&format!("/proc/{daemon}/{file}"))).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains(SECRET), "{file}");
    }
    assert_eq!(crash(&machine, "ABRT"), ("signal".to_owned(), String::new()));
    let found = machine.run(&["grep", "-rlaF", SECRET, "/etc", "/var", "/tmp", "/run"]);
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    machine.ok(&["journalctl", "--sync"]);
    let journal = machine.ok(&["journalctl", "--all", "--output=export", "--boot"]);
    assert!(journal.contains("kvsockd is ready"));
    assert!(!journal.contains(SECRET), "in the journal");
}

/// Everything that a client can make the daemon tell of itself.
fn shown(machine: &Machine) -> String {
    let lines = ["status", "status json", "info", "config get *", "client list", "help", "get x"];
    lines.map(|line| ask(machine, line)).concat()
        + &machine.ask_as("root", r"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$1\r\n*\r\n")
        + &machine.ask_as("root", r"*1\r\n$4\r\nINFO\r\n")
}

/// Ends the daemon as a fault would, and gives how it ended and what it left in its directory.
fn crash(machine: &Machine, signal: &str) -> (String, String) {
    machine.systemctl(&["start", "kvsock.service"]);
    machine.systemctl(&["kill", "--kill-who=main", "--signal", signal, "kvsock.service"]);
    wait_for("the end of the daemon", || {
        machine.property("kvsock.service", "ActiveState") == "failed"
    });
    let result = machine.property("kvsock.service", "Result");
    (result, machine.ok(&["find", "/var/lib/kvsock", "/tmp", "-name", "*core*"]))
}

#[test]
fn a_crash_leaves_no_dump_of_the_memory() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    // Where a dump would go, if there was one; the second time without the unit's own limit.
    let place = "[Service]\nRestart=no\nWorkingDirectory=/var/lib/kvsock\n";
    for limit in ["", "LimitCORE=infinity\n"] {
        machine.edit_unit("kvsock.service", &format!("{place}{limit}"));
        for signal in ["ABRT", "QUIT"] {
            // "core-dump", if there was one, be it a file or for a program that takes it.
            assert_eq!(crash(&machine, signal), ("signal".to_owned(), String::new()), "{signal}");
        }
    }

    // Another program's crash does leave one, where they are files.
    if fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap().starts_with('|') {
        return;
    }
    let run = ["systemd-run", "--quiet", "--unit=crash", "-p", "LimitCORE=infinity"];
    machine.ok(&[&run[..], &["sleep", "infinity"]].concat());
    machine.systemctl(&["kill", "--signal=ABRT", "crash.service"]);
    wait_for("the other's end", || machine.property("crash.service", "ActiveState") == "failed");
    assert_eq!(machine.property("crash.service", "Result"), "core-dump");
}

#[test]
fn the_daemons_own_user_cannot_look_into_the_daemon() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    machine.systemctl(&["start", "kvsock.service"]);
    let daemon = machine.property("kvsock.service", "MainPID");
    for file in ["environ", "mem", "maps", "auxv"] {
        let script = format!("head -c 1 /proc/{daemon}/{file}");
        let output = machine.run_as("kvsockd", &script);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.contains("Permission denied"), "{file}: {output:?}");
        assert!(machine.run(&["test", "-r", &format!("/proc/{daemon}/{file}")]).status.success());
    }
}

/// A client that waits while an encrypted credential is missing: systemd tries again at a bounded
/// pace, nothing locks the socket, and the client is served once the credential is there.
fn a_credential_is_awaited(machine: &Machine) {
    let (file, aside) = ("/etc/kvsock/store-password.cred", "/root/aside");
    machine.ok(&["systemd-creds", "setup"]);
    let encrypt =
        format!("printf %s {SECRET} | systemd-creds encrypt --name=store-password - {aside}");
    machine.ok(&["sh", "-c", &encrypt]);
    let lines = format!("[Service]\nLoadCredentialEncrypted=store-password:{file}\n");
    machine.edit_unit("kvsock.service", &lines);

    let restarts = || machine.property("kvsock.service", "NRestarts").parse::<u64>().unwrap();
    let mut client = connect(machine);
    client.send("ping\n");
    wait_for("systemd to try", || restarts() > 0);
    let (first, start) = (restarts(), Instant::now());
    wait_for("systemd to try again", || restarts() > first + 3);
    let (tries, time) = (restarts() - first, start.elapsed());
    println!("{tries} starts without the credential in {time:?}");
    assert!(tries <= time.as_secs() + 1, "it spins: {tries} starts in {time:?}");
    // While it is being started there is none.
    wait_for("its status", || machine.property("kvsock.service", "ExecMainStatus") == "243");
    assert_eq!(machine.property("kvsock.socket", "ActiveState"), "active");

    machine.ok(&["mv", aside, file]);
    assert_eq!(client.line(), "pong");
}

#[test]
fn a_missing_credential_neither_spins_nor_locks_the_socket() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    a_credential_is_awaited(&machine);
}

#[test]
fn a_missing_credential_neither_spins_nor_locks_the_socket_of_debian_13() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    a_credential_is_awaited(&machine);
}
