//! Commands that change the session amid commands of the store: in one write they do the same as
//! one at a time, over each store and in each protocol.

use std::io::ErrorKind;
use std::net::Shutdown;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::support::wire::client::Client;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

/// Runs a check on each store, where users have keys of their own.
fn on_each_store(check: impl Fn(&Daemon)) {
    let own = ("NAMESPACE", "user");
    check(&Daemon::start(&[own]));
    let Some(valkey) = Setup::default().start() else { return };
    check(&Daemon::start(&[own, ("STORE", &valkey.url())]));
    check(&Daemon::start(&[own, ("STORE", &valkey.url()), ("KEY_PREFIX", "p:")]));
}

/// Words of requests, in one write.
fn requests(words: &[&str]) -> Vec<u8> {
    words.iter().flat_map(|words| request(words)).collect()
}

#[test]
fn a_reset_after_a_command_in_one_write_leaves_the_command_its_key_space() {
    on_each_store(|daemon| {
        let mut wire = Wire::connect(&daemon.socket());
        wire.ask("SET a mine", "+OK\r\n");
        wire.send(requests(&["KEYSPACE user 1000", "SET a 1", "RESET", "GET a", "DEL a"]));
        wire.expect("+OK\r\n+OK\r\n+RESET\r\n$4\r\nmine\r\n:1\r\n");
        wire.send(requests(&["KEYSPACE user 1000", "GET a", "DEL a", "KEYSPACE own", "EXISTS a"]));
        wire.expect("+OK\r\n$1\r\n1\r\n:1\r\n+OK\r\n:0\r\n");
        wire.send(requests(&["MULTI", "SET b 1", "KEYSPACE own", "RESET", "SET c 1", "KEYS *"]));
        wire.skip_to("+RESET\r\n");
        wire.expect("+OK\r\n*1\r\n$1\r\nc\r\n");
        let mut text = daemon.connect();
        text.send("keyspace user 1000\nset a 2\nreset\nget a\nkeyspace user 1000\nget a\n");
        let replies: Vec<_> = (0..6).map(|_| text.line()).collect();
        assert_eq!(replies, ["OK", "OK", "RESET", "(nil)", "OK", "2"]);
    });
}

#[test]
fn nothing_after_a_command_that_kills_its_own_connection_is_carried_out() {
    on_each_store(|daemon| {
        for (kill, replies) in [
            (&["CLIENT KILL SKIPME no"][..], ":1\r\n"),
            (&["MULTI", "CLIENT KILL SKIPME no", "EXEC"], "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n"),
        ] {
            let mut wire = Wire::connect(&daemon.socket());
            wire.send([requests(&["SET a 1"]), requests(kill), requests(&["SET a 2"])].concat());
            wire.expect_end(format!("+OK\r\n{replies}"));
            Wire::connect(&daemon.socket()).ask("GET a", "$1\r\n1\r\n");
        }
    });
}

/// How a client speaks.
#[derive(Debug, Clone, Copy)]
enum Speech {
    Text,
    Resp,
    /// RESP that begins with HELLO in a line, as do all further requests.
    Lines,
}

impl Speech {
    fn encode(self, words: &str) -> Vec<u8> {
        match self {
            Speech::Resp => request(words),
            Speech::Text | Speech::Lines => format!("{words}\n").into_bytes(),
        }
    }

    /// What a connection sends first.
    fn greeting(self) -> &'static str {
        match self {
            Speech::Text | Speech::Resp => "PING",
            Speech::Lines => "HELLO 3",
        }
    }
}

fn command() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["a", "b", "c"]);
    let of_key = prop::sample::select(vec![
        "SET # 1",
        "SET # x",
        "GET #",
        "DEL #",
        "INCR #",
        "APPEND # 7",
        "GETDEL #",
        "MGET # a",
        "MSET # 5 b 6",
        "EXISTS # #",
        "SETNX # 9",
        "PERSIST #",
        "RENAME # a",
    ]);
    let of_session = prop::sample::select(vec![
        "KEYSPACE own",
        "KEYSPACE all",
        "KEYSPACE user 1000",
        "KEYSPACE user 1001",
        "KEYSPACE user x",
        "RESET",
        "HELLO",
        "HELLO 2",
        "HELLO 3",
        "HELLO 4",
        "HELLO 3 SETNAME n AUTH default x",
        "MULTI",
        "EXEC",
        "DISCARD",
        "UNWATCH",
        "WATCH a",
        "WATCH a b",
        "SELECT 0",
        "SELECT 1",
        "CLIENT SETNAME me",
        "CLIENT GETNAME",
        "AUTH default x",
    ]);
    let other = prop::sample::select(vec![
        "PING",
        "ECHO hi",
        "DBSIZE",
        "KEYS *",
        "CLEARDB",
        "FLUSHALL",
        "CLEARDB --user 1000",
        "GET",
        "EXEC now",
        "NONE such",
        "VERSION",
        "HELP get",
    ]);
    let last = prop::sample::select(vec!["QUIT", "CLIENT KILL SKIPME no"]);
    prop_oneof![
        12 => (of_key, key).prop_map(|(command, key)| command.replace('#', key)),
        8 => of_session.prop_map(str::to_owned),
        3 => other.prop_map(str::to_owned),
        1 => last.prop_map(str::to_owned),
    ]
}

/// All replies to `commands` on a new connection, and what the store then holds.
fn run(daemon: &Daemon, speech: Speech, commands: &[String], at_once: bool) -> (String, String) {
    let mut text = daemon.connect();
    assert_eq!((text.ask("keyspace all"), text.ask("cleardb")), ("OK".into(), "OK".into()));
    drop(text);
    let mut client = daemon.connect();
    let commands = std::iter::once(speech.greeting()).chain(commands.iter().map(String::as_str));
    let replies = if at_once {
        client.send(commands.flat_map(|words| speech.encode(words)).collect::<Vec<u8>>());
        let _ = client.0.get_ref().shutdown(Shutdown::Write);
        client.rest()
    } else {
        one_at_a_time(client, speech, commands)
    };
    let mut text = daemon.connect();
    assert_eq!(text.ask("keyspace all"), "OK");
    let keys = text.ask("keys");
    let values = if keys.is_empty() { String::new() } else { text.ask(&format!("mget {keys}")) };
    (without_ids(&replies), format!("{keys} = {values}"))
}

/// The replies to commands, each of which is sent when the one before was answered.
fn one_at_a_time<'a>(
    mut client: Client,
    speech: Speech,
    commands: impl Iterator<Item = &'a str>,
) -> Vec<u8> {
    let mut replies = Vec::new();
    for words in commands {
        if client.try_send(speech.encode(words)).is_err() {
            break;
        }
        let reply = match speech {
            Speech::Text => client.raw_line().map(|line| [&line[..], b"\n"].concat()),
            Speech::Resp | Speech::Lines => client.frame(),
        };
        match reply {
            Ok(reply) => replies.extend(reply),
            // It closed, as it does after QUIT.
            Err(error) => {
                let ends = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
                assert!(ends.contains(&error.kind()), "{words}: {error}");
                break;
            }
        }
    }
    // What nobody asked for, too.
    replies.extend(client.0.buffer());
    replies
}

/// Without the connection's number, which HELLO tells.
fn without_ids(replies: &[u8]) -> String {
    let mut text = replies.escape_ascii().to_string();
    for before in [r"\r\nid\r\n:", " id "] {
        let mut parts = text.split(before);
        let first = parts.next().unwrap_or_default().to_owned();
        let rest = parts.map(|part| part.trim_start_matches(|it: char| it.is_ascii_digit()));
        text = rest.fold(first, |text, part| text + "<id>" + part);
    }
    text
}

#[test]
fn any_commands_give_the_same_in_one_write_as_one_at_a_time() {
    on_each_store(|daemon| {
        for speech in [Speech::Text, Speech::Resp, Speech::Lines] {
            let mut runner = TestRunner::new(ProptestConfig {
                cases: 40,
                failure_persistence: None,
                ..ProptestConfig::default()
            });
            let commands = prop::collection::vec(command(), 1..40);
            let run = runner.run(&commands, |commands| {
                let alone = run(daemon, speech, &commands, false);
                prop_assert_eq!(run(daemon, speech, &commands, true), alone);
                Ok(())
            });
            run.unwrap_or_else(|failure| panic!("{speech:?}: {failure}"));
        }
    });
}
