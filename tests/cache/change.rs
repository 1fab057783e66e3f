//! What changes is seen: at once by whoever is told, and by all once the server's word has come.

use std::time::Duration;

use crate::subject::{PUSH, Subject, known};
use crate::support::relay::{Fate, Way};
use crate::support::valkey::Setup;

#[test]
fn a_key_that_was_got_is_known_and_status_tells_so() {
    let Some(subject) = Subject::plain() else { return };
    let mut client = subject.daemon.connect();
    assert_eq!(client.ask("set k v"), "OK");
    let before = subject.figures();
    assert_eq!(client.ask("get k"), "v");
    assert_eq!(client.ask("get none"), "(nil)");
    for _ in 0..10 {
        assert_eq!(client.ask("get k"), "v");
        assert_eq!(client.ask("get none"), "(nil)");
    }
    let now = subject.figures();
    // The server is asked again when it was silent for a second.
    assert!(now.hits - before.hits >= 10 && now.misses - before.misses >= 4, "{now:?}");
    assert_eq!(now.hits - before.hits + now.misses - before.misses, 22);
    assert_eq!(now.keys, 2);
    assert!(now.bytes > 0 && now.bytes < 1000, "{now:?}");
    let status = client.ask("status");
    assert!(status.contains(", Cache Hits: ") && status.contains(", Cache Misses: "), "{status}");
    let info = client.ask("info kvsock");
    for name in ["hits", "misses", "keys", "bytes"] {
        assert!(info.contains(&format!("kvsock_cache_{name}:")), "{info}");
    }
}

/// Each on keys that are known, then what GET is to be answered; `*` what Valkey itself answers.
const WRITES: &[(&str, &[(&str, &str)])] = &[
    ("set k w", &[("k", "w")]),
    ("setnx none w", &[("none", "w")]),
    ("setex k 100 w", &[("k", "w")]),
    ("psetex k 100000 w", &[("k", "w")]),
    ("getset k w", &[("k", "w")]),
    ("getdel k", &[("k", "(nil)")]),
    ("getex k EXAT 1", &[("k", "(nil)")]),
    ("mset k w l x", &[("k", "w"), ("l", "x")]),
    ("msetnx none w nobody x", &[("none", "w"), ("nobody", "x")]),
    ("append k w", &[("k", "*")]),
    ("setrange k 1 w", &[("k", "*")]),
    ("incr k", &[("k", "2")]),
    ("decr k", &[("k", "0")]),
    ("incrby k 5", &[("k", "6")]),
    ("decrby k 5", &[("k", "-4")]),
    ("incrbyfloat k 0.5", &[("k", "1.5")]),
    ("setbit k 7 0", &[("k", "*")]),
    ("remove k l", &[("k", "(nil)"), ("l", "(nil)")]),
    ("unlink k", &[("k", "(nil)")]),
    ("copy k none", &[("none", "1"), ("k", "1")]),
    ("rename k l", &[("k", "(nil)"), ("l", "1")]),
    ("renamenx k none", &[("k", "(nil)"), ("none", "1")]),
    ("expire k -1", &[("k", "(nil)")]),
    ("pexpire k -1", &[("k", "(nil)")]),
    ("expireat k 1", &[("k", "(nil)")]),
    ("pexpireat k 1", &[("k", "(nil)")]),
    ("cleardb", &[("k", "(nil)"), ("l", "(nil)")]),
];

/// The server's words that something changed get lost on the way: what a client itself has changed
/// it sees all the same, and with it everybody whom it tells.
#[test]
fn each_command_is_seen_by_who_is_told_that_it_was_carried_out() {
    for settings in [&[][..], &[("KEY_PREFIX", "p:")]] {
        let rule = |_: Way, piece: &[u8]| without_pushes(piece);
        let Some(subject) = Subject::start(Setup::default(), settings, rule) else { return };
        let (mut client, mut other) = (subject.daemon.connect(), subject.daemon.connect());
        let prefix = settings.first().map_or("", |(_, prefix)| prefix);
        for (write, expected) in WRITES {
            for form in [Form::Single, Form::Transaction, Form::Batch] {
                if form == Form::Transaction && *write == "cleardb" {
                    continue;
                }
                assert_eq!(client.ask("cleardb"), "OK");
                assert_eq!(client.ask("mset k 1 l 2"), "OK");
                let before = subject.figures();
                for key in ["k", "l", "none", "nobody"] {
                    for _ in 0..3 {
                        other.ask(&format!("get {key}"));
                    }
                }
                assert!(subject.figures().hits > before.hits);
                let (key, _) = expected[0];
                match form {
                    Form::Single => {
                        let reply = client.ask(write);
                        assert!(!reply.starts_with("ERROR"), "{write}: {reply}");
                    }
                    Form::Transaction => {
                        client.send(format!("multi\n{write}\nexec\n"));
                        let replies = [client.line(), client.line(), client.line()];
                        assert!(!replies[2].contains("ERROR"), "{write}: {replies:?}");
                    }
                    // What comes after it in the same batch sees it, too.
                    Form::Batch => {
                        client.send(format!("get {key}\n{write}\nget {key}\n"));
                        let replies = [client.line(), client.line(), client.line()];
                        let now = other.ask(&format!("get {key}"));
                        assert_eq!(replies[2], now, "{write}");
                    }
                }
                for (key, value) in *expected {
                    let stored = subject.valkey.command(&["GET", &format!("{prefix}{key}")]);
                    let truth = match stored {
                        redis::Value::BulkString(bytes) => {
                            String::from_utf8(bytes).expect("a word")
                        }
                        _ => "(nil)".to_owned(),
                    };
                    assert!(*value == "*" || *value == truth, "{write}: {key} is {truth}");
                    assert_eq!(other.ask(&format!("get {key}")), truth, "{write}: {key}");
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Transaction,
    Batch,
}

/// The piece without what the server says unasked.
fn without_pushes(piece: &[u8]) -> Fate {
    let mut rest = piece.to_vec();
    let mut is_changed = false;
    while let Some(at) = rest.windows(PUSH.len()).position(|part| part == PUSH) {
        // Then comes a null, or `*1`, a length and a key, each a line.
        let lines = if rest.get(at + PUSH.len()) == Some(&b'_') { 1 } else { 3 };
        let ends = rest[at + PUSH.len()..].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let end = ends.map(|(end, _)| at + PUSH.len() + end + 1).nth(lines - 1);
        rest.drain(at..end.expect("a whole word of the server's"));
        is_changed = true;
    }
    if is_changed { Fate::Instead(rest) } else { Fate::Pass }
}

#[test]
fn what_is_written_at_the_server_is_seen_once_the_store_was_asked() {
    let Some(subject) = Subject::plain() else { return };
    let mut client = subject.daemon.connect();
    assert_eq!(client.ask("set k 0"), "OK");
    for round in 1..=50 {
        let before = known(&subject, &mut client, "k");
        assert_eq!(before, (round - 1).to_string());
        subject.outside(&format!("SET k {round}"));
        assert_eq!(client.ask("pingdb"), "PONG");
        assert_eq!(client.ask("get k"), round.to_string());
    }
    for (change, answer) in [
        ("FLUSHALL", "(nil)"),
        ("SET k again", "again"),
        ("RENAME k other", "(nil)"),
        ("COPY other k", "again"),
        ("FLUSHDB ASYNC", "(nil)"),
        ("MSET k v other w", "v"),
        ("UNLINK k", "(nil)"),
    ] {
        known(&subject, &mut client, "k");
        subject.outside(change);
        assert_eq!(client.ask("pingdb"), "PONG");
        assert_eq!(client.ask("get k"), answer, "{change}");
    }
}

/// A word of the server's that is late may leave others behind, though for no more than a second.
#[test]
fn what_was_written_a_second_ago_is_seen_though_the_servers_word_is_late() {
    let late = |_: Way, piece: &[u8]| {
        let is_push = piece.starts_with(PUSH);
        if is_push { Fate::Late(Duration::from_secs(3)) } else { Fate::Pass }
    };
    let Some(subject) = Subject::start(Setup::default(), &[], late) else { return };
    let mut client = subject.daemon.connect();
    assert_eq!(client.ask("set k old"), "OK");
    assert_eq!(known(&subject, &mut client, "k"), "old");
    subject.outside("SET k new");
    let written = std::time::Instant::now();
    let mut last_old = None;
    loop {
        let begin = std::time::Instant::now();
        let answer = client.ask("get k");
        if answer == "new" {
            break;
        }
        assert_eq!(answer, "old");
        last_old = Some(begin.saturating_duration_since(written));
    }
    println!("the last old answer was asked for {last_old:?} after the write");
    assert!(last_old.is_none_or(|after| after < Duration::from_secs(1)), "{last_old:?}");
}
