//! The text protocol to the byte: what goes in, and what comes out, over each store.

mod support;

use support::daemon::Daemon;
use support::valkey::Setup;
use support::wire::client::Client;

/// What the issue of the text protocol shows: in brackets requests, then their replies.
const EVERYTHING: &[(&[u8], &[u8])] = &[
    (b"cleardb", b"OK"),
    (b"ping", b"pong"),
    (b"PiNgDb", b"PONG"),
    (b"version", concat!("v", env!("CARGO_PKG_VERSION")).as_bytes()),
    (b"set motd hello   world", b"OK"),
    (b"get motd", b"hello   world"),
    (b"set odd \"a\\nb\\\"c\\x00\\xC3\\xA9\"\r", b"OK"),
    (b"get odd", b"\"a\\nb\\\"c\\x00\xc3\xa9\""),
    (b"get missing", b"(nil)"),
    (b"set empty ", b"OK"),
    (b"get empty", b"\"\""),
    (b"set nil (nil)", b"OK"),
    (b"get nil", b"\"(nil)\""),
    (b"set error ERROR: x", b"OK"),
    (b"get error", b"\"ERROR: x\""),
    (b"remove nil error empty missing", b"3"),
    (b"remove nil", b"0"),
    (b"last 2", b"motd:\"hello   world\" odd:\"a\\nb\\\"c\\x00\xc3\xa9\""),
    (b"last 1000000", b"motd:\"hello   world\" odd:\"a\\nb\\\"c\\x00\xc3\xa9\""),
    (b"set \"a b\" 1", b"OK"),
    (b"set k:2 x", b"OK"),
    (b"set motd new", b"OK"),
    (b"last 3", b"\"a b\":1 \"k:2\":x motd:new"),
    (b"keys", b"\"a b\" k:2 motd odd"),
    (b"keys [mo]*", b"motd odd"),
    (b"keys nothing*", b""),
    (b"dbsize", b"4"),
    (b"exists motd odd motd missing", b"3"),
    (b"incr n", b"1"),
    (b"incr n", b"2"),
    (b"decr n", b"1"),
    (b"incr motd", b"ERROR: value is not an integer or out of range"),
    (b"set n 9223372036854775807", b"OK"),
    (b"incr n", b"ERROR: increment or decrement would overflow"),
    (b"ttl n", b"-1"),
    (b"ttl missing", b"-2"),
    (b"expire n 100", b"1"),
    (b"ttl n", b"100"),
    (b"persist n", b"1"),
    (b"persist n", b"0"),
    (b"expire missing 1", b"0"),
    (b"expire n soon", b"ERROR: value is not an integer or out of range"),
    (b"expire n 0", b"1"),
    (b"get n", b"(nil)"),
    (b"setex s 100 some thing", b"OK"),
    (b"get s", b"some thing"),
    (b"ttl s", b"100"),
    (b"setex s 0 x", b"ERROR: invalid expire time in 'setex' command"),
    (b"setex s x x", b"ERROR: value is not an integer or out of range"),
    (b"save", b"OK"),
    (b"help get", b"get <key>: gives the value at the key, or (nil)"),
    (b"frobnicate x", b"ERROR: unknown command \"frobnicate\"; try \"help\"."),
    (b"\x01\xff", b"ERROR: unknown command \"\\x01\\xff\"; try \"help\"."),
    (b"set", b"ERROR: \"set\" command requires a key and a value."),
    (b"set a", b"ERROR: \"set\" command requires a key and a value."),
    (b"set a \"b\" c", b"ERROR: \"set\" command requires a key and a value."),
    (b"get", b"ERROR: \"get\" command requires a key."),
    (b"get a b", b"ERROR: \"get\" command requires a key."),
    (b"remove", b"ERROR: \"remove\" command requires a key."),
    (b"last", b"ERROR: \"last\" command requires a positive number for count."),
    (b"last 0", b"ERROR: \"last\" command requires a positive number for count."),
    (b"last -1", b"ERROR: \"last\" command requires a positive number for count."),
    (b"expire a", b"ERROR: \"expire\" command requires a key and a number of seconds."),
    (b"setex a 1", b"ERROR: \"setex\" command requires a key, a number of seconds and a value."),
    (b"ping x", b"x"),
    (b"ping x y", b"ERROR: \"ping\" command takes at most one message."),
    (b"mset a 1 b \"two words\"", b"OK"),
    (b"mget a b missing", b"1 \"two words\" (nil)"),
    (b"append a 2 3", b"4"),
    (b"getrange a 1 -1", b"2 3"),
    (b"bitpos a 1", b"2"),
    (b"bitfield_ro a get u8 #0 get i8 8", b"49 50"),
    (b"bitfield bits overflow fail set u8 0 65 set u8 0 256", b"0 (nil)"),
    (b"bitop not bits bits", b"1"),
    (b"bitop xor bits bits bits", b"1"),
    (b"get bits", b"\"\\x00\""),
    (b"remove bits", b"1"),
    (b"set tail x EX 10", b"OK"),
    (b"get tail", b"x EX 10"),
    (b"setnx tail y", b"0"),
    (b"incrbyfloat f 0.1", b"0.1"),
    (b"incrbyfloat f 0.2", b"0.3"),
    (b"scan 0 match [b] count 1000", b"0 (1) b"),
    (b"type a", b"string"),
    (b"rename a c", b"OK"),
    (b"rename a c", b"ERROR: no such key"),
    (b"copy c a db 0", b"1"),
    (b"copy c a db 1", b"ERROR: DB index is out of range"),
    (b"object encoding f", b"embstr"),
    (b"echo  two words", b" two words"),
    (b"hello", b"ANY"),
    (b"hello 3", b"ERROR: NOPROTO unsupported protocol version"),
    (b"select 0", b"OK"),
    (b"client setname me", b"OK"),
    (b"client getname", b"me"),
    (b"client frobnicate", b"ERROR: unknown subcommand 'frobnicate'. Try CLIENT HELP."),
    (b"client setname", b"ERROR: \"client setname\" command requires a name."),
    (b"config get s*", b"save \"\""),
    (b"exec", b"ERROR: EXEC without MULTI"),
    (b"multi", b"OK"),
    (b"set m 1", b"QUEUED"),
    (b"incr m", b"QUEUED"),
    (b"mget m missing", b"QUEUED"),
    (b"incr tail", b"QUEUED"),
    (b"ping", b"QUEUED"),
    (b"exec", b"OK 2 (2) 2 (nil) (error) \"value is not an integer or out of range\" pong"),
    (b"multi", b"OK"),
    (b"frobnicate", b"ERROR: unknown command \"frobnicate\"; try \"help\"."),
    (b"exec", b"ERROR: EXECABORT Transaction discarded because of previous errors."),
    (b"watch m", b"OK"),
    (b"set m 5", b"OK"),
    (b"multi", b"OK"),
    (b"get m", b"QUEUED"),
    (b"exec", b"(nil)"),
    (b"watch m", b"OK"),
    (b"multi", b"OK"),
    (b"get m", b"QUEUED"),
    (b"exec", b"5"),
    (b"multi", b"OK"),
    (b"watch m", b"ERROR: Command not allowed inside a transaction"),
    (b"discard", b"OK"),
    (b"reset", b"RESET"),
    (b"client getname", b"(nil)"),
    (b"status xml", b"ERROR: \"status\" command takes nothing but the word json."),
    (b"get \"a", b"ERROR: unbalanced quotes in request"),
    (b"get \"a\"b", b"ERROR: unbalanced quotes in request"),
    (b"get \"\\q\"", b"ERROR: unbalanced quotes in request"),
    (b"get \"\\0kvsock:last\"", b"ERROR: unbalanced quotes in request"),
    (b"get \"\\x00kvsock:last\"", b"ERROR: key is reserved for kvsock"),
    (b"cleardb", b"OK"),
    (b"dbsize", b"0"),
    (b"last 5", b""),
    (b"keys", b""),
];

/// Sends each request and compares its reply; then all of them in one write.
fn transcript(daemon: &Daemon) {
    let mut client = daemon.connect();
    for (request, expected) in EVERYTHING {
        client.send([request, &b"\n"[..]].concat());
        expect(&mut client, request, expected);
    }
    let requests = EVERYTHING.iter().flat_map(|(request, _)| [request, &b"\n"[..]].concat());
    client.send(requests.collect::<Vec<_>>());
    for (request, expected) in EVERYTHING {
        expect(&mut client, request, expected);
    }
    two_hundred_in_one_write(daemon);
    made_keys_and_status(daemon);
    limits(daemon);
    ends(daemon);
}

/// Compares the next line, unless it is one that nobody can foresee.
fn expect(client: &mut Client, request: &[u8], expected: &[u8]) {
    let mut line = client.raw_line().expect("a reply");
    if expected == b"100" && line == b"99" {
        // Of the time to live a second may have gone by.
        line = expected.to_vec();
    }
    let request = request.escape_ascii();
    if expected == b"ANY" {
        assert!(!line.starts_with(b"ERROR"), "{request}");
    } else {
        assert_eq!(
            line.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{request}"
        );
    }
}

fn two_hundred_in_one_write(daemon: &Daemon) {
    let mut client = daemon.connect();
    let requests = (0..100).map(|n| format!("set key{n} value {n}\nget key{n}\n"));
    client.send(requests.collect::<String>());
    for n in 0..100 {
        assert_eq!(client.line(), "OK");
        assert_eq!(client.line(), format!("value {n}"));
    }
    assert_eq!(client.ask("last 3"), "key97:\"value 97\" key98:\"value 98\" key99:\"value 99\"");
    assert_eq!(client.ask("cleardb"), "OK");
}

fn made_keys_and_status(daemon: &Daemon) {
    let mut client = daemon.connect();
    let (first, second) = (client.ask("txkey"), client.ask("txkey"));
    assert!(kvsock::command::keygen::txkey_time(first.as_bytes()).is_some(), "{first}");
    assert!(first < second);
    let key = client.ask("rtkey");
    assert!(kvsock::command::keygen::rtkey_time(key.as_bytes()).is_some(), "{key}");
    let status = client.ask("status");
    assert!(status.starts_with("DB Size: "), "{status}");
    assert!(status.contains(" (up), Clients: "), "{status}");
    let status: serde_json::Value =
        serde_json::from_str(&client.ask("status json")).expect("one line of JSON");
    assert_eq!(status["store"]["up"], true);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["requests"].as_u64().expect("a number") > 200);
}

fn limits(daemon: &Daemon) {
    let mut client = daemon.connect();
    client.send(b"set k ");
    client.send(vec![b'x'; 5000]);
    client.send(b"\nping\n");
    assert_eq!(client.line(), "ERROR: request longer than 4096 bytes");
    assert_eq!(client.line(), "pong");
}

fn ends(daemon: &Daemon) {
    let mut client = daemon.connect();
    client.send(b"\n  \nquit\nping\n");
    assert_eq!(client.rest(), b"BYE\n");
    let mut client = daemon.connect();
    client.send(b"set half 1\nset half 12");
    client.finish();
    assert_eq!(client.rest(), b"OK\nERROR: request not ended by a newline\n");
    assert_eq!(daemon.ask("get half"), "1");
    assert_eq!(daemon.ask("cleardb"), "OK");
}

const SMALL: (&str, &str) = ("MAX_REQUEST", "4KiB");

#[test]
fn on_the_embedded_store() {
    transcript(&Daemon::start(&[SMALL]));
}

#[test]
fn on_the_embedded_store_under_a_prefix() {
    transcript(&Daemon::start(&[SMALL, ("KEY_PREFIX", "app:")]));
}

#[test]
fn on_valkey() {
    let Some(valkey) = Setup::default().start() else { return };
    transcript(&Daemon::start(&[SMALL, ("STORE", &valkey.url())]));
}

#[test]
fn on_valkey_under_a_prefix_next_to_others_keys() {
    let Some(valkey) = Setup::default().start() else { return };
    let other = Daemon::start(&[("STORE", &valkey.url())]);
    assert_eq!(other.ask("set others value"), "OK");
    transcript(&Daemon::start(&[SMALL, ("STORE", &valkey.url()), ("KEY_PREFIX", "a[*p:")]));
    assert_eq!(other.ask("get others"), "value");
}
