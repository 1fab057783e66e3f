//! Open connections outlive a restart, with all they have told, and a stop ends them.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::client::{ask, connect};
use crate::crowd::{Times, clients, size, survive};
use crate::machine::{Machine, wait_for};
use crate::wire::exact::Wire;
use crate::wire::request::request;
use crate::{EMBEDDED, PATIENT};

fn restart(machine: &Machine) {
    let before = machine.property("kvsock.service", "MainPID");
    machine.systemctl(&["restart", "kvsock.service"]);
    assert_ne!(machine.property("kvsock.service", "MainPID"), before);
}

/// Every kind of connection, across a restart.
fn keeps_what_was_told(machine: &Machine) {
    let mut text = connect(machine);
    assert_eq!(text.ask("client setname vera"), "OK");
    let id = text.ask("client id");
    text.send(b"set half a val");

    let mut long = connect(machine);
    let limit = 16 * 1024 * 1024;
    long.send(vec![b'x'; limit + 100]);
    assert_eq!(long.line(), format!("ERROR: request longer than {limit} bytes"));

    let (mut two, mut three) = (Wire(connect(machine)), Wire(connect(machine)));
    two.ask("MULTI", "+OK\r\n");
    let (set, value) = ("*3\r\n$3\r\nSET\r\n$1\r\nq\r\n", b"$4\r\n\r\n\0\xff\r\n");
    two.send([set.as_bytes(), value].concat());
    two.expect("+QUEUED\r\n");
    two.ask("CLIENT GETNAME", "+QUEUED\r\n");
    three.send(request("HELLO 3"));
    three.skip_to("modules\r\n*0\r\n");
    three.ask("WATCH w", "+OK\r\n");
    three.send("*2\r\n$3\r\nGET\r\n$6\r\nnot");
    let silent = connect(machine);

    restart(machine);

    text.send(b"ue\n");
    assert_eq!(text.line(), "OK");
    assert_eq!(text.ask("get half"), "a value");
    assert_eq!((text.ask("client getname"), text.ask("client id")), ("vera".to_owned(), id));
    long.send(b"yyy\nping\n");
    assert_eq!(long.line(), "pong", "the rest of the long line is read away");
    two.ask("EXEC", "*2\r\n+OK\r\n$-1\r\n");
    two.ask("GET q", value);
    three.send("key\r\n");
    three.expect("_\r\n");
    three.ask("MULTI", "+OK\r\n");
    three.ask("EXEC", "_\r\n");
    three.ask("MULTI", "+OK\r\n");
    three.ask("EXEC", "*0\r\n");
    let mut silent = silent;
    assert_eq!(silent.ask("ping"), "pong");
    let newest: u64 = ask(machine, "client id").parse().unwrap();
    assert!(newest > 5, "numbers go on: {newest}");
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "0");
}

#[test]
fn a_restart_keeps_connections_and_what_they_told() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    keeps_what_was_told(&machine);
}

#[test]
fn a_restart_keeps_connections_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    keeps_what_was_told(&machine);
}

/// What systemd tells of when it went from one state to the next, in microseconds.
const MOMENTS: [&str; 4] = ["ActiveExit", "InactiveEnter", "ExecMainStart", "ActiveEnter"];
/// What it did from each to the next.
const STEPS: [&str; 3] = ["the old daemon stops", "systemd turns round", "the new daemon starts"];

/// How long each step of the last restart took.
fn steps(machine: &Machine) -> [Duration; 3] {
    let moment = |name| {
        let name = format!("{name}TimestampMonotonic");
        Duration::from_micros(machine.property("kvsock.service", &name).parse().unwrap())
    };
    let moments = MOMENTS.map(moment);
    std::array::from_fn(|step| moments[step + 1].saturating_sub(moments[step]))
}

fn survives_many_restarts(machine: &Machine) {
    let ((all, loaded), times) = (clients(), size("KVSOCK_TEST_RESTARTS", 3));
    let (mut pauses, mut took) = (Vec::new(), Vec::new());
    let answered = survive(machine, all - loaded, |load| {
        for _ in 0..times {
            load.longest_pause();
            restart(machine);
            pauses.push(load.longest_pause());
            took.push(steps(machine));
        }
    });
    println!(
        "{all} clients, {loaded} of them with load, {times} restarts: {answered} requests answered \
         rightly, no connection closed; longest pause {}",
        Times::new(pauses)
    );
    for (number, step) in STEPS.into_iter().enumerate() {
        println!("  {step}: {}", Times::new(took.iter().map(|steps| steps[number]).collect()));
    }
}

#[test]
fn ten_thousand_clients_survive_restarts_beside_valkey() {
    let Some(machine) = Machine::boot_beside_valkey(PATIENT) else { return };
    machine.start_valkey();
    survives_many_restarts(&machine);
}

#[test]
fn ten_thousand_clients_survive_restarts_with_the_embedded_store() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    survives_many_restarts(&machine);
}

#[test]
fn ten_thousand_clients_survive_restarts_beside_valkey_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(PATIENT) else { return };
    machine.start_valkey();
    survives_many_restarts(&machine);
}

#[test]
fn ten_thousand_clients_survive_restarts_with_the_embedded_store_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    survives_many_restarts(&machine);
}

#[test]
fn a_stop_closes_connections_and_the_next_client_starts_the_daemon() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("set k v"), "OK");
    machine.systemctl(&["stop", "kvsock.service"]);
    assert_eq!(client.text_to_end(), "");
    assert_eq!(ask(&machine, "get k"), "v");
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "0");
}

#[test]
fn a_restart_gives_nobody_other_rights() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut alice = machine
        .command(&["setpriv", "--reuid=alice", "--regid=alice", "--init-groups"])
        .args(["nc", "-U", "/run/kvsock/kvsock.sock"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut requests, replies) = (alice.stdin.take().unwrap(), alice.stdout.take().unwrap());
    let mut replies = BufReader::new(replies).lines().map(Result::unwrap);
    let mut ask = |request: &str| {
        requests.write_all(format!("{request}\n").as_bytes()).unwrap();
        replies.next().unwrap()
    };
    assert_eq!(ask("client setname alice"), "OK");
    let refused = "ERROR: \"cleardb\" command is for administrators.";
    assert_eq!(ask("cleardb"), refused);
    restart(&machine);
    assert_eq!(ask("cleardb"), refused);
    let who = format!("uid={}", machine.uid("alice"));
    let about = ask("client list");
    assert!(about.contains("name=alice") && about.contains(&who), "{about}");
    drop(requests);
    alice.kill().and_then(|()| alice.wait()).unwrap();
}

#[test]
fn a_crash_drops_connections_and_harms_no_later_start() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("set k v"), "OK");
    restart(&machine);
    assert_eq!(client.ask("get k"), "v");
    let pid = machine.property("kvsock.service", "MainPID");
    machine.ok(&["kill", "-KILL", &pid]);
    assert!(client.try_line().is_err(), "the crash closed it");
    let mut next = connect(&machine);
    assert_eq!(next.ask("get k"), "v");
    restart(&machine);
    assert_eq!(next.ask("get k"), "v");
}

/// A restart into settings that cannot work, and what becomes of who is connected.
fn outlives_bad_settings(machine: &Machine) {
    let mut client = connect(machine);
    assert_eq!(client.ask("set k v"), "OK");
    client.send(b"get");
    machine.set_settings("KVSOCK_STORE=nonsense\n");
    for _ in 0..2 {
        let failed = machine.run(&["systemctl", "restart", "kvsock.service"]);
        assert!(!failed.status.success(), "{failed:?}");
    }
    client.send(b" k\n");
    wait_for("more attempts", || {
        machine.property("kvsock.service", "NRestarts").parse::<u32>().unwrap() > 1
    });
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "2");
    let refused = connect(machine).text_to_end();
    assert_eq!(refused, "ERROR: kvsock is misconfigured; see the journal\n");
    machine.set_settings(EMBEDDED);
    assert_eq!(client.line(), "v");

    machine.set_settings("KVSOCK_TYPO=1\n");
    machine.run(&["systemctl", "restart", "kvsock.service"]);
    machine.systemctl(&["stop", "kvsock.service"]);
    assert_eq!(client.text_to_end(), "", "a stop closes whom nobody serves");
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "0");
}

#[test]
fn a_restart_into_bad_settings_closes_nobody() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    outlives_bad_settings(&machine);
}

#[test]
fn a_restart_into_bad_settings_closes_nobody_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    outlives_bad_settings(&machine);
}

/// A restart with a socket unit that cannot work, and what becomes of who is connected.
fn outlives_a_bad_socket(machine: &Machine) {
    let mut client = connect(machine);
    assert_eq!(client.ask("set k v"), "OK");
    client.send(b"get");
    machine.edit_unit("kvsock.socket", "[Socket]\nListenSequentialPacket=/run/kvsock/packets\n");
    machine.run(&["systemctl", "restart", "kvsock.socket"]);
    client.send(b" k\n");
    wait_for("more attempts", || {
        machine.property("kvsock.service", "NRestarts").parse::<u32>().unwrap() > 1
    });
    assert_eq!(machine.property("kvsock.service", "NFileDescriptorStore"), "2");
    let refused = connect(machine).text_to_end();
    assert_eq!(refused, "ERROR: kvsock is misconfigured; see the journal\n");
    machine.edit_unit("kvsock.socket", "");
    machine.systemctl(&["restart", "kvsock.socket"]);
    assert_eq!(client.line(), "v");
}

#[test]
fn a_restart_with_a_bad_socket_closes_nobody() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    outlives_a_bad_socket(&machine);
}

#[test]
fn a_restart_with_a_bad_socket_closes_nobody_on_systemd_257() {
    let Some(machine) = Machine::boot_trixie(EMBEDDED) else { return };
    outlives_a_bad_socket(&machine);
}

#[test]
fn a_transaction_is_checked_again_with_the_rights_of_today() {
    let Some(machine) = Machine::boot(&format!("{EMBEDDED}KVSOCK_SCRIPTS=no\n")) else { return };
    let mut client = connect(&machine);
    assert_eq!(client.ask("multi"), "OK");
    assert_eq!(client.ask("set k a  b"), "QUEUED");
    assert_eq!(client.ask("client setname x"), "QUEUED");
    assert!(client.ask("nonsense").starts_with("ERROR: unknown command"));
    restart(&machine);
    assert!(client.ask("exec").starts_with("ERROR: EXECABORT"), "what was spoilt stays so");
    assert_eq!(client.ask("multi"), "OK");
    assert_eq!(client.ask("set k a  b"), "QUEUED");
    restart(&machine);
    restart(&machine);
    assert_eq!(client.ask("exec"), "OK");
    assert_eq!(client.ask("get k"), "a  b");
    wait_for("the entry", || {
        machine.journal("kvsock.service").iter().any(|entry| {
            entry["MESSAGE"].as_str().is_some_and(|text| text.contains("stayed connected"))
                && entry["KVSOCK_CLIENTS"] == "1"
        })
    });
}
