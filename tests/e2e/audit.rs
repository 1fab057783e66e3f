//! What the journal tells of people: who administered, and who was refused.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use kvsock::logging::event;
use serde_json::Value;

use crate::client::ask;
use crate::machine::{Machine, wait_for};
use crate::{EMBEDDED, VALKEY};

/// Sends requests as this user; gives the process id of the client, and what came back.
fn ask_from(machine: &Machine, user: &str, requests: &str) -> (String, String) {
    let script = format!(
        "requests=$(mktemp); printf '{requests}' >$requests; echo $$; \
         exec nc -N -U /run/kvsock/kvsock.sock <$requests 2>&1"
    );
    let output = String::from_utf8(machine.run_as(user, &script).stdout).unwrap();
    let (pid, replies) = output.split_once('\n').unwrap();
    (pid.to_owned(), replies.to_owned())
}

/// The entries on this event, as soon as there are at least so many.
fn entries(machine: &Machine, id: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    wait_for("entries on the event", || {
        found = machine.journal("kvsock.service");
        found.retain(|entry| entry["MESSAGE_ID"] == id);
        found.len() >= count
    });
    found
}

/// What `journalctl -x` shows of the service.
fn explained(machine: &Machine) -> String {
    machine.ok(&["journalctl", "--catalog", "--no-pager", "--unit", "kvsock.service"])
}

#[test]
fn the_journal_tells_who_was_refused_what() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let uid = machine.uid("alice").to_string();
    let (text, replies) = ask_from(&machine, "alice", r"cleardb\nsave\nSHUTDOWN\nping\n");
    assert_eq!(replies.matches("command is for administrators.").count(), 3, "{replies}");
    assert!(replies.ends_with("pong\n"), "{replies}");
    let frames = r"*1\r\n$7\r\nCLEARDB\r\n*1\r\n$4\r\nsave\r\n*1\r\n$8\r\nshutdown\r\n";
    let (resp, replies) = ask_from(&machine, "alice", frames);
    assert_eq!(replies.matches("-NOPERM ").count(), 3, "{replies}");

    let refused = entries(&machine, event::REFUSED, 6);
    assert_eq!(refused.len(), 6);
    let commands = ["cleardb", "save", "shutdown"];
    let expected = [(&text, commands), (&resp, commands)];
    let expected = expected.iter().flat_map(|(pid, commands)| commands.map(|it| (*pid, it)));
    for (entry, (pid, command)) in refused.iter().zip(expected) {
        assert_eq!(entry["COMMAND"], command, "{entry}");
        assert_eq!(entry["PEER_UID"], *uid, "{entry}");
        assert_eq!(entry["PEER_PID"], **pid, "{entry}");
        assert_eq!(entry["PRIORITY"], "4", "{entry}");
        assert_eq!(entry["KVSOCK_MESSAGE_ID"], Value::Null, "{entry}");
        let message = format!("command refused: peer_uid={uid}, peer_pid={pid}, command={command}");
        assert_eq!(entry["MESSAGE"], message);
    }

    let explained = explained(&machine);
    for line in [
        &*format!("Subject: Command cleardb refused to user {uid}"),
        &format!("The process {text} of user {uid} called \"save\", and may not."),
        "Administrators are root, the daemon's own user",
        "Defined-By: kvsock",
        "man:kvsockd(8)",
        "Subject: kvsock is ready",
    ] {
        assert!(explained.contains(line), "{line} is not in\n{explained}");
    }
}

#[test]
fn the_journal_tells_who_administered() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let requests = r"set motd sesame\ncleardb\nmulti\nbgsave\ndiscard\nflushall nonsense\n";
    let (pid, replies) = ask_from(&machine, "root", requests);
    assert!(replies.starts_with("OK\nOK\nOK\nQUEUED\nOK\nERROR: "), "{replies}");
    ask_from(&machine, "root", r"multi\nbgsave\nexec\n");
    assert_eq!(ask(&machine, "shutdown"), "Shutting down server...");

    entries(&machine, event::STOPPED, 1);
    // What was not carried out was not done by anybody.
    let [cleared, saved, stopped] = &entries(&machine, event::ADMINISTRATION, 3)[..] else {
        panic!("more than three entries")
    };
    assert_eq!(cleared["COMMAND"], "cleardb");
    assert_eq!((&cleared["PEER_UID"], &cleared["PEER_PID"]), (&"0".into(), &(*pid).into()));
    assert_eq!(cleared["PRIORITY"], "6");
    assert_eq!(saved["COMMAND"], "bgsave");
    assert_eq!(stopped["COMMAND"], "shutdown");
    assert_eq!(stopped["PEER_UID"], "0");
    let explained = explained(&machine);
    assert!(explained.contains("Subject: Administrative command cleardb of user 0"), "{explained}");
    assert!(explained.contains("Subject: kvsock has stopped"), "{explained}");
    assert!(!explained.contains("sesame"), "{explained}");
}

#[test]
fn a_flood_of_refusals_does_not_fill_the_journal() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    let flood = "for i in $(seq 5000); do echo cleardb; done | nc -N -U /run/kvsock/kvsock.sock";
    let output = machine.run_as("alice", flood);
    let replies = String::from_utf8(output.stdout).unwrap();
    assert_eq!(replies.lines().count(), 5000);
    // Another's refusal is not hidden by it.
    assert!(machine.ask_as("olga", r"cleardb\n").starts_with("ERROR: "));
    machine.systemctl(&["stop", "kvsock.service"]);

    entries(&machine, event::STOPPED, 1);
    let of = |user: &str| {
        let uid = machine.uid(user).to_string();
        let refused = entries(&machine, event::REFUSED, 2);
        refused.iter().filter(|entry| entry["PEER_UID"] == *uid).count()
    };
    let told = of("alice");
    assert_eq!(of("olga"), 1);
    let held_back = entries(&machine, event::HELD_BACK, 1);
    let times: usize = held_back
        .iter()
        .map(|it| it["KVSOCK_TIMES"].as_str().unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(told + times, 5000);
    assert!(told <= 20, "{told}");
    assert_eq!(held_back[0]["COMMAND"], "cleardb");
    assert_eq!(held_back[0]["PEER_UID"], machine.uid("alice").to_string());
}

#[test]
fn what_a_flood_held_back_is_told_while_the_daemon_runs() {
    let Some(machine) = Machine::boot(EMBEDDED) else { return };
    machine.ask_as("alice", &r"save\n".repeat(15));
    let held_back = entries(&machine, event::HELD_BACK, 1);
    assert_eq!(held_back[0]["KVSOCK_TIMES"], "5");
    assert_eq!(machine.property("kvsock.service", "ActiveState"), "active");
}

#[test]
fn the_journal_tells_whose_connections_were_refused() {
    let settings = format!("{EMBEDDED}KVSOCK_MAX_CLIENTS_PER_USER=1\n");
    let Some(machine) = Machine::boot(&settings) else { return };
    let (first, pong) = hold(&machine, "alice", "ping");
    assert_eq!(pong, "pong\n");

    let (pid, reply) = ask_from(&machine, "alice", r"ping\n");
    assert_eq!(reply, "ERROR: too many clients\n");
    let refused = entries(&machine, event::USER_FULL, 1);
    assert_eq!(refused[0]["PEER_UID"], machine.uid("alice").to_string());
    assert_eq!(refused[0]["PEER_PID"], *pid);
    assert_eq!(refused[0]["COMMAND"], Value::Null);

    let (pid, killed) = ask_from(&machine, "root", r"client kill type normal\n");
    assert_eq!(killed, "1\n");
    let administered = entries(&machine, event::ADMINISTRATION, 1);
    assert_eq!(administered[0]["COMMAND"], "client kill");
    assert_eq!(administered[0]["PEER_PID"], *pid);
    let_go(first);
}

#[test]
fn scripts_are_told_once_in_a_connection() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    machine.start_valkey();
    let eval = r#"eval "return 1" 0\n"#;
    let (_, replies) = ask_from(&machine, "alice", eval);
    assert!(replies.starts_with("ERROR: "), "{replies}");
    assert_eq!(entries(&machine, event::REFUSED, 1)[0]["COMMAND"], "eval");

    for _ in 0..2 {
        let (_, replies) = ask_from(&machine, "root", &format!("{eval}{eval}script flush\\n"));
        assert_eq!(replies, "1\n1\nOK\n");
    }
    machine.systemctl(&["stop", "kvsock.service"]);
    entries(&machine, event::STOPPED, 1);
    let told = entries(&machine, event::ADMINISTRATION, 4);
    let told: Vec<&Value> = told.iter().map(|entry| &entry["COMMAND"]).collect();
    assert_eq!(told, ["eval", "script flush", "eval", "script flush"]);
}

#[test]
fn users_with_keys_of_their_own_administer_only_others_keys() {
    let settings = format!("{EMBEDDED}KVSOCK_NAMESPACE=user\n");
    let Some(machine) = Machine::boot(&settings) else { return };
    let alice = machine.uid("alice");
    let (_, replies) = ask_from(&machine, "alice", r"cleardb\nflushall\ncleardb --user 0\n");
    assert!(replies.starts_with("OK\nOK\nERROR: "), "{replies}");
    let theirs = format!("cleardb\\ncleardb --user {alice}\\nkeyspace all\\ncleardb\\n");
    let (_, replies) = ask_from(&machine, "root", &theirs);
    assert_eq!(replies, "OK\nOK\nOK\nOK\n");
    machine.systemctl(&["stop", "kvsock.service"]);

    entries(&machine, event::STOPPED, 1);
    let refused = entries(&machine, event::REFUSED, 1);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["COMMAND"], "cleardb --user");
    assert_eq!(refused[0]["PEER_UID"], alice.to_string());
    let told = entries(&machine, event::ADMINISTRATION, 3);
    assert!(told.iter().all(|entry| entry["PEER_UID"] == "0"), "{told:?}");
    let told: Vec<&Value> = told.iter().map(|entry| &entry["COMMAND"]).collect();
    assert_eq!(told, ["cleardb --user", "keyspace", "cleardb"]);
    let whose = entries(&machine, event::ADMINISTRATION, 3);
    let whose: Vec<&Value> = whose.iter().map(|entry| &entry["KVSOCK_KEY_SPACE"]).collect();
    assert_eq!(whose, [&Value::from(alice.to_string()), &"all".into(), &"all".into()]);
}

/// A connection of this user that stays, and the reply to its first request.
fn hold(machine: &Machine, user: &str, request: &str) -> (Child, String) {
    let ids = [format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".to_owned()];
    let mut client = machine
        .command(&["setpriv"])
        .args(ids)
        .args(["nc", "-U", "/run/kvsock/kvsock.sock"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(client.stdin.as_mut().unwrap(), "{request}").unwrap();
    let mut reply = String::new();
    BufReader::new(client.stdout.as_mut().unwrap()).read_line(&mut reply).unwrap();
    (client, reply)
}

fn let_go(mut client: Child) {
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn the_journal_tells_who_has_too_many_clients_that_watch() {
    let Some(machine) = Machine::boot_beside_valkey(VALKEY) else { return };
    machine.start_valkey();
    wait_for("the store", || ask(&machine, "pingdb") == "PONG");
    let mut watching = Vec::new();
    for _ in 0..32 {
        let (client, reply) = hold(&machine, "alice", "watch a");
        watching.push(client);
        assert_eq!(reply, "OK\n");
    }
    let uid = machine.uid("alice").to_string();
    let (pid, reply) = ask_from(&machine, "alice", r"watch a\n");
    let told = "connections for WATCH, scripts and long transactions and may have no more";
    assert_eq!(reply, format!("ERROR: user {uid} has 32 of 64 {told}\n"));
    assert_eq!(machine.ask_as("olga", r"watch a\n"), "OK\n", "others still can");
    watching.into_iter().for_each(let_go);

    let refused = entries(&machine, event::WATCHERS_FULL, 1);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["PEER_UID"], *uid);
    assert_eq!(refused[0]["PEER_PID"], *pid);
    assert_eq!(refused[0]["COMMAND"], "watch");
    let subject = format!("Subject: Too many connections of user {uid} watch keys");
    assert!(explained(&machine).contains(&subject));
}

#[test]
fn who_is_no_administrator_any_more_sees_no_others_keys_from_the_next_command_on() {
    let settings = format!("{EMBEDDED}KVSOCK_NAMESPACE=user\n");
    let administrators = format!("{settings}KVSOCK_ADMIN_GROUP=kvsock-admin\n");
    let Some(machine) = Machine::boot(&administrators) else { return };
    machine.ask_as("alice", r"set motd hello\n");
    let (mut client, reply) = hold(&machine, "olga", "keyspace all");
    assert_eq!(reply, "OK\n");
    let mut input = client.stdin.take().unwrap();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let mut ask = |request: &str| {
        writeln!(input, "{request}").unwrap();
        let mut reply = String::new();
        output.read_line(&mut reply).unwrap();
        reply
    };
    assert_eq!(ask("dbsize"), "1\n");
    assert_eq!(ask("multi"), "OK\n");
    assert_eq!(ask("get motd"), "QUEUED\n");

    machine.set_settings(&settings);
    machine.systemctl(&["reload", "kvsock.service"]);
    entries(&machine, event::RELOADED, 1);
    let refused = "ERROR: \"keyspace\" command is for administrators.\n";
    assert_eq!(ask("exec"), refused, "what was queued before");
    for request in ["keys", "dbsize", "get x", "cleardb", "watch x", "last 5"] {
        assert_eq!(ask(request), refused, "{request}");
    }
    assert!(ask("status").starts_with("DB Size: 0,"));
    assert_eq!(ask("reset"), "RESET\n");
    assert_eq!(ask("keys"), "\n", "her own");
    let_go(client);
    assert_eq!(entries(&machine, event::REFUSED, 1)[0]["COMMAND"], "keyspace");
    assert_eq!(machine.ask_as("alice", r"get motd\n"), "hello\n");
}
