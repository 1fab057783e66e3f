//! CLIENT LIST and CLIENT KILL: what a connection sees of others, and does to them.

use crate::support::daemon::Daemon;
use crate::support::wire::exact::Wire;

#[test]
fn a_connection_is_listed_with_what_it_said_of_itself() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("CLIENT SETNAME me", "+OK\r\n");
    wire.ask("CLIENT SETINFO LIB-NAME lib", "+OK\r\n");
    wire.ask("CLIENT SETINFO LIB-VER 1.2", "+OK\r\n");
    let id = wire.number("CLIENT ID");
    let mut text = daemon.connect();
    assert_eq!(text.ask("ping"), "pong");
    let list = wire.text("CLIENT LIST");
    let own = list.lines().find(|line| line.starts_with(&format!("id={id} "))).expect("its line");
    let uid = rustix::process::getuid().as_raw();
    let pid = std::process::id();
    for field in [
        format!("addr={}:{id}", daemon.socket().display()),
        format!("laddr={}:0", daemon.socket().display()),
        "name=me".to_owned(),
        "lib-name=lib".to_owned(),
        "lib-ver=1.2".to_owned(),
        "resp=2".to_owned(),
        "cmd=client|list".to_owned(),
        format!("uid={uid}"),
        format!("pid={pid}"),
    ] {
        assert!(own.split(' ').any(|found| found == field), "{field} in {own}");
    }
    assert_eq!(list.lines().count(), 2, "{list}");
    drop(text);
    assert_eq!(wire.text(&format!("CLIENT LIST ID {id}")).lines().count(), 1);
    assert_eq!(wire.text("CLIENT LIST TYPE replica"), "");
    wire.ask("MULTI", "+OK\r\n");
    wire.ask("CLIENT INFO", "+QUEUED\r\n");
    wire.ask("DISCARD", "+OK\r\n");
}

#[test]
fn a_killed_connection_is_closed_and_others_are_not() {
    let daemon = Daemon::start(&[]);
    let (mut one, mut other) = (Wire::connect(&daemon.socket()), Wire::connect(&daemon.socket()));
    let id = other.number("CLIENT ID");
    one.ask("CLIENT KILL ID 99999", ":0\r\n");
    one.ask(&format!("CLIENT KILL ID {id}"), ":1\r\n");
    other.expect_end("");
    one.ask("PING", "+PONG\r\n");
    let own = one.number("CLIENT ID");
    one.ask(&format!("CLIENT KILL ID {own}"), ":0\r\n");
    one.ask(&format!("CLIENT KILL ID {own} SKIPME no"), ":1\r\n");
    one.expect_end("");
}

#[test]
fn others_connections_are_for_administrators_to_see_and_to_close() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    let id = wire.number("CLIENT ID");
    if !daemon.open_to_other_users() {
        return;
    }
    let script = format!("*1\r\n$4\r\nPING\r\nCLIENT LIST\r\nCLIENT KILL ID {id}\r\n");
    let output = daemon.ask_as(1234, &script);
    assert!(output.starts_with("+PONG\r\n$"), "{output}");
    assert_eq!(output.matches("\nid=").count(), 1, "{output}");
    assert!(output.contains(" uid=1234 "), "{output}");
    assert!(output.ends_with(":0\r\n"), "{output}");
    wire.ask("PING", "+PONG\r\n");
}

#[test]
fn what_is_for_administrators_is_refused_to_others_in_every_spelling() {
    let daemon = Daemon::start(&[]);
    let names = [
        "FLUSHALL",
        "FLUSHDB",
        "CLEARDB",
        "SAVE",
        "BGSAVE",
        "SHUTDOWN",
        "SCRIPT FLUSH",
        "EVAL x 0",
        "RESTORE a 0 b",
    ];
    if !daemon.open_to_other_users() {
        return;
    }
    let lines = names.join("\r\n") + "\r\n";
    let output = daemon.ask_as(1234, &format!("*1\r\n$4\r\nPING\r\n{lines}"));
    let replies: Vec<&str> = output.lines().skip(1).collect();
    assert_eq!(replies.len(), names.len(), "{output}");
    for reply in replies {
        assert!(reply.starts_with("-NOPERM \""), "{reply}");
        assert!(reply.ends_with("command is for administrators."), "{reply}");
    }
}
