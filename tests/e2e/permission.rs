//! Who you are is who you are: the daemon sees the real users of the machine.

use crate::EMBEDDED;
use crate::client::ask;
use crate::machine::Machine;

const REFUSED: &str = "ERROR: \"cleardb\" command is for administrators.\n";

#[test]
fn only_members_of_the_group_may_connect() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert_eq!(machine.ask_as("alice", r"ping\n"), "pong\n");
    let refused = machine.ask_as("mallory", r"ping\n");
    assert!(refused.contains("Permission denied"), "{refused}");
    for script in ["kvsock ping", "echo ping | kvsock"] {
        let refused = machine.run_as("mallory", script);
        let told = "kvsock: cannot connect to /run/kvsock/kvsock.sock: permission denied; members \
            of the group kvsock may\n";
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(error.ends_with(told), "{error}");
        assert_eq!(refused.status.code(), Some(2));
    }
}

#[test]
fn root_is_an_administrator_and_a_member_of_the_group_is_not() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert_eq!(ask(&machine, "set motd hello"), "OK");
    assert_eq!(machine.ask_as("alice", r"cleardb\nget motd\n"), format!("{REFUSED}hello\n"));
    assert_eq!(ask(&machine, "cleardb"), "OK");
}

#[test]
fn the_administrators_group_makes_administrators() {
    let settings = format!("{EMBEDDED}KVSOCK_ADMIN_GROUP=kvsock-admin\n");
    let Some(machine) = Machine::boot(&settings) else { return };
    assert_eq!(machine.ask_as("alice", r"cleardb\n"), REFUSED);
    assert_eq!(machine.ask_as("olga", r"cleardb\n"), "OK\n");
}

#[test]
fn clients_cannot_read_the_data_files() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    assert_eq!(ask(&machine, "set motd hello"), "OK");
    let open = "find /var/lib/kvsock ! -user kvsockd -o -perm /077";
    assert_eq!(machine.ok(&["sh", "-c", open]), "");
    assert!(!machine.run_as("alice", "ls /var/lib/kvsock").status.success());
}

#[test]
fn users_with_keys_of_their_own_do_not_meet() {
    let settings = format!("{EMBEDDED}KVSOCK_NAMESPACE=user\nKVSOCK_ADMIN_GROUP=kvsock-admin\n");
    let Some(machine) = Machine::boot(&settings) else { return };
    assert_eq!(machine.ask_as("alice", r"set motd from alice\n"), "OK\n");
    assert_eq!(machine.ask_as("olga", r"get motd\nset motd from olga\n"), "(nil)\nOK\n");
    assert_eq!(machine.ask_as("alice", r"get motd\nkeys\n"), "from alice\nmotd\n");
    let alice = machine.uid("alice");
    let all = machine.ask_as("olga", r"keyspace all\ndbsize\n");
    assert_eq!(all, "OK\n2\n");
    let hers = machine.ask_as("olga", &format!(r"keyspace user {alice}\nget motd\n"));
    assert_eq!(hers, "OK\nfrom alice\n");
    assert_eq!(machine.ask_as("alice", r"cleardb\ndbsize\n"), "OK\n0\n");
    assert_eq!(machine.ask_as("olga", r"get motd\n"), "from olga\n");
}
