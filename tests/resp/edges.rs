//! Pieces, half-closed peers, frames that are none, and limits.

use crate::support::daemon::Daemon;
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

#[test]
fn a_request_in_pieces_is_one_request() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    for byte in request("SET key value") {
        wire.send([byte]);
    }
    wire.expect("+OK\r\n");
}

#[test]
fn lines_and_nothing_may_stand_between_frames() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.send(
        b"*1\r\n$4\r\nPING\r\n\r\nPING\r\n\n  \r\nset k \"a\\x41 b\"\r\n*0\r\n*-1\r\nget 'k'\n",
    );
    wire.send(request("GET k"));
    wire.expect("+PONG\r\n+PONG\r\n+OK\r\n$4\r\naA b\r\n$4\r\naA b\r\n");
}

#[test]
fn a_first_line_of_hello_is_answered_in_resp_and_so_is_all_that_follows() {
    let daemon = Daemon::start(&[]);
    let facts = "$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n8.0.1\r\n$5\r\nproto";
    for (line, header, version) in [
        ("HELLO 3\r\n", "%7", 3),
        ("hello 2\n", "*14", 2),
        ("HeLLo\r\n", "*14", 2),
        (" \t hello\t3 \n", "%7", 3),
        ("HELLO 3 AUTH default x SETNAME me\r\n", "%7", 3),
    ] {
        for in_pieces in [false, true] {
            let mut wire = Wire::connect(&daemon.socket());
            if in_pieces {
                line.bytes().for_each(|byte| wire.send([byte]));
            } else {
                wire.send([line.as_bytes(), b"PING\r\n"].concat());
            }
            wire.expect(format!("{header}\r\n{facts}\r\n:{version}\r\n"));
            wire.skip_to("modules\r\n*0\r\n");
            if !in_pieces {
                wire.expect("+PONG\r\n");
            }
            wire.ask("GET none", if version == 3 { "_\r\n" } else { "$-1\r\n" });
            wire.send("set k 'a b'\r\nget k\n");
            wire.expect("+OK\r\n$3\r\na b\r\n");
            let name = if line.contains("SETNAME") { "$2\r\nme\r\n" } else { "" };
            if !name.is_empty() {
                wire.ask("CLIENT GETNAME", name);
            }
        }
    }
    for (line, error) in [
        ("hello 4\n", "-NOPROTO unsupported protocol version\r\n"),
        ("hello world\n", "-ERR Protocol version is not an integer or out of range\r\n"),
        (
            "hello 3 AUTH nobody x\n",
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
        ),
        ("hello 3 \"\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
    ] {
        let mut wire = Wire::connect(&daemon.socket());
        wire.send(line);
        wire.expect(error);
        if !line.contains('"') {
            wire.ask("PING", "+PONG\r\n");
        }
    }
}

#[test]
fn a_line_that_only_begins_like_hello_is_the_text_protocols() {
    let daemon = Daemon::start(&[]);
    let unknown = |name: &str| format!("ERROR: unknown command \"{name}\"; try \"help\".\n");
    let unended = "ERROR: request not ended by a newline\n";
    for (sent, replies) in [
        ("hellox 3\nping\n", unknown("hellox") + "pong\n"),
        ("hell\nping\n", unknown("hell") + "pong\n"),
        ("\nhello 3\n", "ERROR: NOPROTO unsupported protocol version\n".to_owned()),
        ("ping\nhello 3\n", "pong\nERROR: NOPROTO unsupported protocol version\n".to_owned()),
        ("hel", unended.to_owned()),
        ("hello", unended.to_owned()),
        (" ", unended.to_owned()),
    ] {
        for in_pieces in [false, true] {
            let mut wire = Wire::connect(&daemon.socket());
            if in_pieces {
                sent.bytes().for_each(|byte| wire.send([byte]));
            } else {
                wire.send(sent);
            }
            wire.finish();
            wire.expect_end(&replies);
        }
    }
    let mut wire = Wire::connect(&daemon.socket());
    wire.send("hello 3");
    wire.finish();
    // Half a request, of RESP by then.
    wire.expect_end("");
}

#[test]
fn the_version_may_change_within_one_write() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    let words = ["GET none", "HELLO 3", "GET none", "HELLO 2", "GET none", "RESET", "GET none"];
    wire.send(words.iter().flat_map(|words| request(words)).collect::<Vec<_>>());
    wire.expect("$-1\r\n%7\r\n");
    wire.skip_to("modules\r\n*0\r\n");
    wire.expect("_\r\n*14\r\n");
    wire.skip_to("modules\r\n*0\r\n");
    wire.expect("$-1\r\n+RESET\r\n$-1\r\n");
}

#[test]
fn the_version_may_change_within_a_transaction() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("MULTI", "+OK\r\n");
    for words in ["GET none", "HELLO 3", "GET none"] {
        wire.ask(words, "+QUEUED\r\n");
    }
    wire.ask("EXEC", "*3\r\n$-1\r\n%7\r\n");
    wire.skip_to("modules\r\n*0\r\n");
    wire.expect("_\r\n");
    wire.ask("GET none", "_\r\n");
}

#[test]
fn who_closes_its_side_gets_all_its_replies() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    let value = "v".repeat(200_000);
    wire.ask(&format!("SET k {value}"), "+OK\r\n");
    wire.send(request("GET k").repeat(50));
    wire.send(b"*2\r\n$3\r\nSET\r\n$4\r\nhalf");
    wire.finish();
    let one = format!("$200000\r\n{value}\r\n");
    wire.expect_end(one.repeat(50));
    Wire::connect(&daemon.socket()).ask("GET half", "$-1\r\n");
}

#[test]
fn quit_answers_and_closes() {
    let daemon = Daemon::start(&[]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.send([request("PING"), request("QUIT"), request("PING")].concat());
    wire.expect_end("+PONG\r\n+OK\r\n");
}

#[test]
fn what_is_no_frame_gets_an_error_and_a_close_never_a_hang() {
    let daemon = Daemon::start(&[]);
    for bad in [
        &b"*1\n$4\nPING\n"[..],
        b"*x\r\n",
        b"*2000000000\r\n",
        b"*1\r\nPING\r\n",
        b"*1\r\n$x\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$4\r\nPINGxx",
        b"*1\r\n$99999999999\r\n",
        b"*1\r\n$4\r\nPING\r\n\x16\x03\x01\x02",
        b"*1\r\n$4\r\nPING\r\nGET / HTTP/1.1\r\n",
        b"*1\r\n$4\r\nPING\r\nget \"a\r\n",
        b"*1\r\n$4\r\nPING\r\na\0b",
    ] {
        let mut wire = Wire::connect(&daemon.socket());
        wire.send(bad);
        if bad.starts_with(b"*1\r\n$4\r\nPING\r\n") {
            wire.expect("+PONG\r\n");
        }
        wire.expect("-ERR Protocol error");
        wire.skip_to("\r\n");
        wire.expect_end("");
    }
    Wire::connect(&daemon.socket()).ask("PING", "+PONG\r\n");
}

#[test]
fn a_request_over_the_limit_is_refused_and_the_next_is_served() {
    let daemon = Daemon::start(&[("MAX_REQUEST", "1KiB")]);
    let mut wire = Wire::connect(&daemon.socket());
    let long = "x".repeat(2000);
    for _ in 0..2 {
        wire.send(request(&format!("SET k {long}")));
        wire.send(request("PING"));
        wire.expect("-ERR request longer than 1024 bytes\r\n+PONG\r\n");
    }
    // An announced length takes no memory: 500 of them would take 250 GiB.
    let announced: Vec<Wire> = (0..500)
        .map(|_| {
            let mut wire = Wire::connect(&daemon.socket());
            wire.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n");
            wire
        })
        .collect();
    for mut wire in announced {
        wire.expect("-ERR request longer than 1024 bytes\r\n");
    }
    assert!(daemon.memory() < 256 * 1024 * 1024, "{}", daemon.memory());
}

#[test]
fn a_transaction_over_the_limit_is_refused_whole() {
    let daemon = Daemon::start(&[("MAX_REQUEST", "1KiB")]);
    let mut wire = Wire::connect(&daemon.socket());
    wire.ask("MULTI", "+OK\r\n");
    wire.ask("SET a 1", "+QUEUED\r\n");
    let long = "x".repeat(980);
    wire.ask(&format!("SET b {long}"), "-ERR transaction longer than 1024 bytes\r\n");
    wire.ask("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    wire.ask("EXISTS a b", ":0\r\n");
}

#[test]
fn a_few_bytes_do_not_make_a_value_that_no_reply_could_hold() {
    let daemon = Daemon::start(&[("MAX_REPLY", "1MiB")]);
    let mut wire = Wire::connect(&daemon.socket());
    let refused = "-ERR value longer than KVSOCK_MAX_REPLY lets a reply be, 1048576 bytes\r\n";
    wire.ask("SETBIT k 4294967295 1", refused);
    wire.ask("SETRANGE k 1048576 x", refused);
    wire.ask("SETRANGE k 1048575 x", ":1048576\r\n");
    wire.ask("APPEND k x", refused);
    wire.ask("STRLEN k", ":1048576\r\n");
}
