//! `KVSOCK_MAX_MEMORY`: requests and replies of all clients together stay within it, whatever
//! clients ask for and however little they read, and nobody who asks for little is refused.

mod support;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use support::daemon::Daemon;
use support::valkey::Setup;
use support::wire::client::Client;

const MIB: usize = 1024 * 1024;
/// Of all clients together.
const BOUND: usize = 32 * MIB;
/// Of one value.
const VALUE: usize = 4 * MIB;
/// What the daemon may take beside: the process itself; of the one client that goes on past the
/// bound a request and a reply; replies being written out, twice; what the allocator keeps.
const BESIDE: usize = 40 * MIB;
/// What the embedded store may take beside, for what is being written (48 MiB) and for its caches (56).
const EMBEDDED: usize = 120 * MIB;
/// How long a client may have to wait until those are closed that stand still.
const LONG: Duration = Duration::from_secs(60);

/// Runs a test on each store, which is to stay within the bound.
fn on_both(what: &str, test: impl Fn(&Daemon)) {
    let bound = format!("{}MiB", BOUND / MIB);
    let limits = [
        ("MAX_MEMORY", bound.as_str()),
        ("MAX_REPLY", "10MiB"),
        ("MAX_REQUEST", "5MiB"),
        // It is not about time.
        ("STORE_TIMEOUT", "60s"),
    ];
    let daemon = Daemon::start(&limits);
    test(&daemon);
    assert_bounded(&daemon, &format!("{what}, embedded store"), BESIDE + EMBEDDED);
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let mut settings = limits.to_vec();
    settings.push(("STORE", &url));
    let daemon = Daemon::start(&settings);
    test(&daemon);
    assert_bounded(&daemon, &format!("{what}, Valkey"), BESIDE);
}

fn value(letter: char) -> String {
    letter.to_string().repeat(VALUE)
}

fn set_values(daemon: &Daemon, keys: &str) {
    let mut client = daemon.connect();
    for letter in keys.chars() {
        assert_eq!(client.ask(&format!("set {letter} {}", value(letter))), "OK");
    }
}

/// Sends, as far as the daemon takes it now.
fn send_what_is_taken(client: &mut Client, requests: &[u8]) {
    let stream = client.0.get_mut();
    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a socket");
    let _ = stream.write(requests);
}

/// The peak since the start is within the bound.
fn assert_bounded(daemon: &Daemon, what: &str, beside: usize) {
    let peak = daemon.peak_memory();
    println!("{what}: at most {} MiB resident, of them {} bounded", peak / MIB, BOUND / MIB);
    assert!(peak < BOUND + beside, "{what}: {} MiB", peak / MIB);
}

/// That many ask for much at once and read nothing keeps neither small requests nor, for long,
/// large ones from being answered.
fn never_reading(requests: &str, what: &str) {
    on_both(what, |daemon| {
        set_values(daemon, "ab");
        let mut silent: Vec<Client> = (0..8).map(|_| daemon.connect()).collect();
        for client in &mut silent {
            send_what_is_taken(client, requests.repeat(20).as_bytes());
        }
        let mut small = daemon.connect();
        for number in 0..100 {
            assert_eq!(small.ask(&format!("set small {number}")), "OK");
            assert_eq!(small.ask("get small"), number.to_string());
        }
        let mut large = daemon.connect();
        large.0.get_ref().set_read_timeout(Some(LONG)).expect("a socket");
        assert!(large.ask("get b") == value('b'), "the value");
    });
}

#[test]
fn clients_that_never_read_what_they_get_are_bounded() {
    never_reading("get a\n", "never reading replies to get");
}

#[test]
fn clients_that_never_read_lists_are_bounded() {
    never_reading("mget a small b\n", "never reading replies to mget");
}

#[test]
fn clients_that_never_read_and_write_in_between_are_bounded() {
    never_reading("get a\nset c small\ngetset d small\n", "never reading, with writes between");
}

#[test]
fn clients_that_never_read_transactions_are_bounded() {
    never_reading("multi\nget a\nset c small\nexec\n", "never reading transactions");
}

#[test]
fn clients_that_never_read_the_last_pairs_are_bounded() {
    never_reading("last 1\n", "never reading replies to last");
}

/// Reads all replies to `get` of these keys, slowly, and checks each byte.
fn read_slowly(mut stream: UnixStream, keys: &str, rounds: usize) {
    let mut buffer = vec![0; VALUE + 1];
    for letter in keys.chars().cycle().take(rounds * keys.len()) {
        stream.read_exact(&mut buffer).expect("the whole reply");
        let (end, value) = buffer.split_last().expect("a line");
        assert!(*end == b'\n' && value.iter().all(|byte| *byte == letter as u8), "{letter}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn many_slow_readers_get_every_reply_whole_and_in_order() {
    on_both("20 slow readers of 240 values", |daemon| {
        set_values(daemon, "abc");
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let mut client = daemon.connect();
                client.0.get_ref().set_read_timeout(Some(LONG)).expect("a socket");
                client.send("get a\nget b\nget c\n".repeat(4));
                let stream = client.0.get_ref().try_clone().expect("a descriptor");
                thread::spawn(move || read_slowly(stream, "abc", 4))
            })
            .collect();
        for reader in readers {
            reader.join().expect("every reply was right");
        }
    });
}

#[test]
fn a_read_before_a_write_of_the_same_pipeline_is_answered_as_it_was() {
    on_both("12 clients that read before they write", |daemon| {
        set_values(daemon, "a");
        let clients: Vec<_> = (0..12)
            .map(|number| {
                let mut client = daemon.connect();
                client.0.get_ref().set_read_timeout(Some(LONG)).expect("a socket");
                thread::spawn(move || {
                    let large = value('a');
                    for round in 0..3 {
                        client.send(format!("set k{number} {large}\n"));
                        client
                            .send(format!("get k{number}\nset k{number} {round}\nget k{number}\n"));
                        assert_eq!(client.line(), "OK");
                        assert!(client.line() == large, "what it was");
                        assert_eq!(client.line(), "OK");
                        assert_eq!(client.line(), round.to_string());
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().expect("every reply was right");
        }
    });
}

#[test]
fn half_sent_requests_that_stand_still_keep_nobody_waiting_for_ever() {
    on_both("half-sent requests", |daemon| {
        let half = format!("set a {}", "x".repeat(VALUE));
        let mut halves: Vec<Client> = (0..12).map(|_| daemon.connect()).collect();
        for client in &mut halves {
            send_what_is_taken(client, half.as_bytes());
        }
        assert_eq!(daemon.ask("set small 1"), "OK");
        let begun = Instant::now();
        let mut large = daemon.connect();
        let stream = large.0.get_ref();
        stream.set_read_timeout(Some(LONG)).expect("a socket");
        stream.set_write_timeout(Some(LONG)).expect("a socket");
        assert_eq!(large.ask(&format!("set b {}", value('b'))), "OK");
        println!("a large request waited for {:?}", begun.elapsed());
    });
}

/// Requests and the replies to them, one byte after the other.
struct Pipeline {
    requests: Vec<u8>,
    replies: Vec<u8>,
}

impl Pipeline {
    /// `count` reads of the value `v`, in the text protocol or in RESP.
    fn of_reads(count: usize, value: &str, is_resp: bool) -> Pipeline {
        let (request, reply) = if is_resp {
            let reply = format!("${}\r\n{value}\r\n", value.len());
            ("*2\r\n$3\r\nGET\r\n$1\r\nv\r\n", reply)
        } else {
            ("get v\n", format!("{value}\n"))
        };
        Pipeline { requests: request.repeat(count).into(), replies: reply.repeat(count).into() }
    }

    /// Writes all requests before the first reply is read.
    fn pass(&self, daemon: &Daemon) {
        let mut stream = daemon.connect().0.into_inner();
        stream.set_write_timeout(Some(LONG)).expect("a socket");
        stream.set_read_timeout(Some(LONG)).expect("a socket");
        stream.write_all(&self.requests).expect("all requests are read");
        let mut replies = vec![0; self.replies.len()];
        stream.read_exact(&mut replies).expect("all replies");
        assert!(replies == self.replies, "every reply is right");
    }
}

/// A daemon on each store, with these settings.
fn on_each(settings: &[(&str, &str)], test: impl Fn(&Daemon)) {
    test(&Daemon::start(settings));
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let mut settings = settings.to_vec();
    settings.push(("STORE", &url));
    test(&Daemon::start(&settings));
}

#[test]
fn a_client_may_write_its_whole_pipeline_before_it_reads() {
    on_each(&[], |daemon| {
        let value = "v".repeat(10_000);
        assert_eq!(daemon.ask(&format!("set v {value}")), "OK");
        for is_resp in [false, true] {
            Pipeline::of_reads(20_000, &value, is_resp).pass(daemon);
        }
    });
}

#[test]
fn a_pipeline_that_is_written_first_takes_the_memory_of_its_requests_only() {
    on_each(&[("MAX_MEMORY", "16MiB")], |daemon| {
        let value = "v".repeat(10_000);
        assert_eq!(daemon.ask(&format!("set v {value}")), "OK");
        Pipeline::of_reads(20_000, &value, true).pass(daemon);
    });
}

#[test]
fn reads_and_writes_of_a_pipeline_that_is_written_first_keep_their_order() {
    on_each(&[], |daemon| {
        let value = "w".repeat(10_000);
        let mut pipeline = Pipeline { requests: Vec::new(), replies: Vec::new() };
        for number in 0..5000 {
            let written = format!("set v {number}{value}\nget v\n");
            pipeline.requests.extend_from_slice(written.as_bytes());
            let read = format!("OK\n{number}{value}\n");
            pipeline.replies.extend_from_slice(read.as_bytes());
        }
        pipeline.pass(daemon);
    });
}

#[test]
fn a_pipeline_past_the_bound_ends_with_an_error_and_not_in_silence() {
    on_each(&[("MAX_MEMORY", "16MiB")], |daemon| {
        let value = "v".repeat(10_000);
        assert_eq!(daemon.ask(&format!("set v {value}")), "OK");
        let mut stream = daemon.connect().0.into_inner();
        stream.set_write_timeout(Some(LONG)).expect("a socket");
        stream.set_read_timeout(Some(LONG)).expect("a socket");
        // Replies that wait first, so that the writes after them have to be kept.
        let requests = "get v\n".repeat(1000) + &format!("set w {value}\n").repeat(3000);
        // The daemon reads away what it does not keep, or closes.
        let _ = stream.write_all(requests.as_bytes());
        let mut replies = Vec::new();
        let _ = stream.read_to_end(&mut replies);
        let line = format!("{value}\n");
        let whole = replies.len() / line.len() * line.len();
        let (values, last) = replies.split_at(whole);
        assert!(values.chunks(line.len()).all(|reply| reply == line.as_bytes()), "whole replies");
        let last = String::from_utf8_lossy(last);
        assert!(last.ends_with("too many requests without reading replies\n"), "{last:?}");
        assert_eq!(daemon.ask("get w"), "(nil)", "what was not begun is not carried out");
    });
}

#[test]
fn a_reader_that_stands_still_within_the_bound_stays() {
    on_each(&[("MAX_MEMORY", "64MiB")], |daemon| {
        let value = "v".repeat(10_000);
        assert_eq!(daemon.ask(&format!("set v {value}")), "OK");
        let pipeline = Pipeline::of_reads(1000, &value, false);
        let mut stream = daemon.connect().0.into_inner();
        stream.write_all(&pipeline.requests).expect("room");
        // As long as one past the bound would be given.
        thread::sleep(Duration::from_secs(20));
        let mut replies = vec![0; pipeline.replies.len()];
        stream.read_exact(&mut replies).expect("all replies");
        assert!(replies == pipeline.replies);
    });
}

#[test]
fn a_transaction_that_would_be_answered_past_the_bound_is_refused_and_not_done() {
    on_both("90 values of one transaction", |daemon| {
        set_values(daemon, "a");
        for (first, write) in [("", "get a\n"), ("watch x\n", "append small x\nget a\n")] {
            let mut client = daemon.connect();
            client.send(format!("{first}multi\nset done 1\n{}exec\n", write.repeat(90)));
            let mut line = client.line();
            while line == "OK" || line == "QUEUED" {
                line = client.line();
            }
            assert!(
                line.starts_with("ERROR: the transaction's replies may take ")
                    && line.ends_with("more than KVSOCK_MAX_MEMORY; nothing was done"),
                "{}",
                line.len()
            );
            assert_eq!(client.ask("get done"), "(nil)");
        }
        // Two values at a time are answered, to many who ask at once.
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut client = daemon.connect();
                    client.0.get_ref().set_read_timeout(Some(LONG)).expect("a socket");
                    client.send("multi\nget a\nset done 1\nget a\nexec\n".repeat(3));
                    let two = format!("{} OK {}", value('a'), value('a'));
                    for _ in 0..3 {
                        let lines: Vec<String> = (0..5).map(|_| client.line()).collect();
                        assert!(lines[..4].iter().all(|line| line.len() < 10));
                        assert!(lines[4] == two, "{} bytes", lines[4].len());
                    }
                });
            }
        });
    });
}

#[test]
fn what_a_transaction_or_a_script_answers_past_its_bounds_is_read_away() {
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let daemon = Daemon::start(&[
        ("STORE", &url),
        ("MAX_MEMORY", "32MiB"),
        ("MAX_REQUEST", "5MiB"),
        ("MAX_REPLY", "1024MiB"),
        ("STORE_TIMEOUT", "60s"),
        ("SCRIPTS", "all"),
    ]);
    valkey.command(&["CONFIG", "SET", "proto-max-bulk-len", "1gb"]);
    let mut client = daemon.connect();
    client.0.get_ref().set_read_timeout(Some(LONG)).expect("a socket");
    let no_room = "-ERR no memory for the reply (KVSOCK_MAX_MEMORY); what was asked for is done";
    let frame = |words: &[&str]| {
        words.iter().map(|it| format!("${}\r\n{it}\r\n", it.len())).collect::<Vec<_>>().concat()
    };
    let mut eval = |script: &str| {
        client.send(format!("*3\r\n{}", frame(&["EVAL", script, "0"])));
        client.line().trim_end().to_owned()
    };
    for script in [
        "redis.call('setrange', 'b', 299999999, 'x') return redis.call('get', 'b')",
        "local t = {} local s = string.rep('x', 4000000) for i = 1, 90 do t[i] = s end return t",
        "local t = {} for i = 1, 2000000 do t[i] = 1 end return t",
    ] {
        assert_eq!(eval(script), no_room, "{script}");
    }
    assert_eq!(eval("return 'x'"), "$1");
    assert_eq!(client.line().trim_end(), "x");
    // Nobody could know how long the value was going to be.
    let script = "redis.call('setrange', 'a', 299999999, 'x')";
    client.send(format!("*1\r\n{}*2\r\n{}", frame(&["MULTI"]), frame(&["INCR", "n"])));
    client.send(format!("*3\r\n{}", frame(&["EVAL", script, "0"])));
    client.send(format!("*2\r\n{}*1\r\n{}", frame(&["GET", "a"]), frame(&["EXEC"])));
    for expected in ["+OK", "+QUEUED", "+QUEUED", "+QUEUED", no_room] {
        assert_eq!(client.line().trim_end(), expected);
    }
    client.send(format!("*2\r\n{}", frame(&["GET", "n"])));
    assert_eq!(client.line().trim_end(), "$1");
    assert_eq!(client.line().trim_end(), "1");
    assert_bounded(&daemon, "replies of scripts", BESIDE);
}
