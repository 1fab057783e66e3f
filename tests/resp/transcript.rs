//! Requests and their replies to the byte, in both versions of RESP.

use crate::support::daemon::Daemon;
use crate::support::valkey::Setup;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

/// Words of a request, the reply in RESP2, and in RESP3 where it differs.
const EVERYTHING: &[(&str, &str, Option<&str>)] = &[
    ("flushall", "+OK\r\n", None),
    ("PING", "+PONG\r\n", None),
    ("PING hello", "$5\r\nhello\r\n", None),
    ("SET k v", "+OK\r\n", None),
    ("SET k w GET", "$1\r\nv\r\n", None),
    ("SET k x NX", "$-1\r\n", Some("_\r\n")),
    ("SET k x EX 100 KEEPTTL", "-ERR syntax error\r\n", None),
    ("GET k", "$1\r\nw\r\n", None),
    ("GET missing", "$-1\r\n", Some("_\r\n")),
    ("MGET k missing", "*2\r\n$1\r\nw\r\n$-1\r\n", Some("*2\r\n$1\r\nw\r\n_\r\n")),
    ("MSET a ohmytext b mynewtext", "+OK\r\n", None),
    ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n", None),
    (
        "LCS a b IDX MINMATCHLEN 4",
        "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n$3\r\nlen\r\n:6\r\n",
        Some(
            "%2\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n$3\r\nlen\r\n:6\r\n",
        ),
    ),
    ("INCRBYFLOAT f 0.1", "$3\r\n0.1\r\n", None),
    ("INCRBYFLOAT f 0.2", "$3\r\n0.3\r\n", None),
    ("INCR k", "-ERR value is not an integer or out of range\r\n", None),
    ("GET", "-ERR wrong number of arguments for 'get' command\r\n", None),
    ("GET a b", "-ERR wrong number of arguments for 'get' command\r\n", None),
    ("CLIENT SETNAME", "-ERR wrong number of arguments for 'client|setname' command\r\n", None),
    ("CLIENT GETNAME", "$-1\r\n", Some("_\r\n")),
    (
        "CLIENT maint_notifications on",
        "-ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.\r\n",
        None,
    ),
    (
        "LPUSH list a",
        "-ERR unknown command 'LPUSH', with args beginning with: 'list' 'a' \r\n",
        None,
    ),
    ("CONFIG SET a b", "-ERR unknown subcommand 'SET'. Try CONFIG HELP.\r\n", None),
    (
        "CONFIG GET save appendonly",
        "*4\r\n$10\r\nappendonly\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n\r\n",
        Some("%2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n\r\n"),
    ),
    ("SELECT 0", "+OK\r\n", None),
    ("SELECT 1", "-ERR DB index is out of range\r\n", None),
    ("SWAPDB 0 1", "-ERR unknown command 'SWAPDB', with args beginning with: '0' '1' \r\n", None),
    ("COPY a c DB 1", "-ERR DB index is out of range\r\n", None),
    ("COPY a c DB 0 REPLACE", ":1\r\n", None),
    ("AUTH default any", "+OK\r\n", None),
    ("AUTH a b", "-WRONGPASS invalid username-password pair or user is disabled.\r\n", None),
    ("REMOVE a b c f", ":4\r\n", None),
    ("LAST 1", "*2\r\n$1\r\nk\r\n$1\r\nw\r\n", Some("*1\r\n*2\r\n$1\r\nk\r\n$1\r\nw\r\n")),
    ("SCAN 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", None),
    ("KEYS *", "*1\r\n$1\r\nk\r\n", None),
    ("DBSIZE", ":1\r\n", None),
    ("TYPE k", "+string\r\n", None),
    ("OBJECT ENCODING k", "$6\r\nembstr\r\n", None),
    ("RANDOMKEY", "$1\r\nk\r\n", None),
    ("PINGDB", "+PONG\r\n", None),
    ("VERSION", concat!("+v", env!("CARGO_PKG_VERSION"), "\r\n"), None),
    (
        "HELP get",
        "$47\r\nget <key>: gives the value at the key, or (nil)\r\n",
        Some("=51\r\ntxt:get <key>: gives the value at the key, or (nil)\r\n"),
    ),
    ("BITPOS k 1", ":1\r\n", None),
    ("BITOP AND to k k", ":1\r\n", None),
    ("BITFIELD to SET u8 0 1 INCRBY u8 #0 1", "*2\r\n:119\r\n:2\r\n", None),
    (
        "BITFIELD to OVERFLOW FAIL SET u8 0 256 GET u8 0",
        "*2\r\n$-1\r\n:2\r\n",
        Some("*2\r\n_\r\n:2\r\n"),
    ),
    ("BITFIELD to OVERFLOW FAIL SET u8 0 256", "*1\r\n$-1\r\n", Some("*1\r\n_\r\n")),
    ("BITFIELD_RO to GET u8 0", "*1\r\n:2\r\n", None),
    ("DEL to", ":1\r\n", None),
    ("COMMAND GETKEYS bitop and a b c", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n", None),
    ("COMMAND GETKEYS mset a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", None),
    ("MULTI", "+OK\r\n", None),
    ("INCR n", "+QUEUED\r\n", None),
    ("GET missing", "+QUEUED\r\n", None),
    ("INCR k", "+QUEUED\r\n", None),
    ("ECHO x", "+QUEUED\r\n", None),
    (
        "EXEC",
        "*4\r\n:1\r\n$-1\r\n-ERR value is not an integer or out of range\r\n$1\r\nx\r\n",
        Some("*4\r\n:1\r\n_\r\n-ERR value is not an integer or out of range\r\n$1\r\nx\r\n"),
    ),
    ("WATCH n", "+OK\r\n", None),
    ("INCR n", ":2\r\n", None),
    ("MULTI", "+OK\r\n", None),
    ("EXEC", "*-1\r\n", Some("_\r\n")),
    ("EXEC", "-ERR EXEC without MULTI\r\n", None),
    ("FLUSHDB ASYNC", "+OK\r\n", None),
    ("SAVE", "+OK\r\n", None),
];

/// Each request alone, then all of them in one write, in both versions.
fn transcript(daemon: &Daemon) {
    let mut wire = Wire::connect(&daemon.socket());
    for (words, expected, _) in EVERYTHING {
        wire.ask(words, expected);
    }
    wire.send(EVERYTHING.iter().flat_map(|(words, ..)| request(words)).collect::<Vec<_>>());
    wire.expect(EVERYTHING.iter().map(|(_, expected, _)| *expected).collect::<String>());
    version_3(daemon);
}

fn version_3(daemon: &Daemon) {
    let mut wire = Wire::connect(&daemon.socket());
    wire.send(request("HELLO 3"));
    // What HELLO gives ends with its list of modules.
    wire.skip_to("modules\r\n*0\r\n");
    for (words, expected, other) in EVERYTHING {
        wire.ask(words, other.unwrap_or(expected));
    }
    wire.send(EVERYTHING.iter().flat_map(|(words, ..)| request(words)).collect::<Vec<_>>());
    let expected = EVERYTHING.iter().map(|(_, expected, other)| other.unwrap_or(expected));
    wire.expect(expected.collect::<String>());
    wire.ask("RESET", "+RESET\r\n");
    wire.ask("GET missing", "$-1\r\n");
}

#[test]
fn on_the_embedded_store() {
    transcript(&Daemon::start(&[]));
}

#[test]
fn on_the_embedded_store_under_a_prefix() {
    transcript(&Daemon::start(&[("KEY_PREFIX", "app:")]));
}

#[test]
fn on_valkey() {
    let Some(valkey) = Setup::default().start() else { return };
    transcript(&Daemon::start(&[("STORE", &valkey.url())]));
}

#[test]
fn on_valkey_under_a_prefix() {
    let Some(valkey) = Setup::default().start() else { return };
    transcript(&Daemon::start(&[("STORE", &valkey.url()), ("KEY_PREFIX", "a[*p:")]));
}
