//! Bad input and bad peers: an error reply or a closed connection, bounded memory, and a daemon
//! that lives.

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use support::daemon::{Client, Daemon, PATIENCE};

const MIB: usize = 1024 * 1024;

/// The daemon lives and serves others.
fn assert_lives(daemon: &Daemon) {
    assert_eq!(daemon.ask("ping"), "pong");
}

#[test]
fn garbage_gets_error_replies() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    // A fixed sequence, so that a failure can be seen again.
    let mut state = 1_u64;
    let garbage = std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    // The first byte decides on the protocol.
    let garbage: Vec<u8> = std::iter::once(b'x').chain(garbage.take(200_000)).collect();
    let mut writer = client.0.get_ref().try_clone().expect("a descriptor");
    let sent = garbage.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).expect("the daemon reads");
        writer.shutdown(std::net::Shutdown::Write).expect("connected");
    });
    let replies = client.rest();
    writing.join().expect("written");
    let lines = replies.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for line in lines.clone() {
        assert!(line.starts_with(b"ERROR: "), "{}", line.escape_ascii());
    }
    let requests = garbage
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.iter().all(|byte| matches!(byte, b' ' | b'\t')) && *line != b"\r");
    assert_eq!(lines.count(), requests.count());
    assert_lives(&daemon);
}

#[test]
fn a_line_of_one_gib_is_read_away_in_bounded_memory() {
    let daemon = Daemon::start(&[("MAX_REQUEST", "1MiB")]);
    let before = daemon.memory();
    let mut client = daemon.connect();
    client.send(b"set k ");
    let piece = vec![b'x'; MIB];
    let mut most = 0;
    for _ in 0..1024 {
        client.send(&piece);
        most = most.max(daemon.memory());
    }
    client.send(b"\nping\n");
    assert_eq!(client.line(), "ERROR: request longer than 1048576 bytes");
    assert_eq!(client.line(), "pong");
    assert!(most < before + 16 * MIB, "from {before} to {most} bytes");
    assert_eq!(daemon.ask("get k"), "(nil)");
}

#[test]
fn nuls_are_bytes_like_others() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    client.send(b"\0\0\nset a\0b c\0d\nget a\0b\nkeys\n");
    assert_eq!(client.line(), "ERROR: unknown command \"\\x00\\x00\"; try \"help\".");
    assert_eq!(client.line(), "OK");
    assert_eq!(client.line(), "\"c\\x00d\"");
    assert_eq!(client.line(), "\"a\\x00b\"");
}

#[test]
fn a_half_closed_client_gets_all_its_replies() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    let value = "v".repeat(MIB);
    client.send(format!("set big {value}\n"));
    client.send("get big\n".repeat(20));
    client.finish();
    // Large replies are in transit while the peer is slow to read them.
    std::thread::sleep(Duration::from_millis(100));
    let replies = client.rest();
    assert_eq!(replies.len(), 3 + 20 * (MIB + 1));
    assert_lives(&daemon);
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let daemon = Daemon::start(&[]);
    for round in 0..200 {
        let mut client = daemon.connect();
        match round % 4 {
            0 => {}
            1 => client.send(b"set half"),
            2 => client.send("get missing\n".repeat(1000)),
            _ => client.send(format!("set k{round} {}\n", "x".repeat(50_000))),
        }
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let status: serde_json::Value =
            serde_json::from_str(&daemon.ask("status json")).expect("JSON");
        if status["clients"] == 1 {
            break;
        }
        assert!(Instant::now() < end, "{status}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_never_reads_is_held_in_bounded_memory_and_hinders_nobody() {
    let daemon = Daemon::start(&[("MAX_REPLY", "4MiB")]);
    let mut setter = daemon.connect();
    assert_eq!(setter.ask(&format!("set big {}", "x".repeat(MIB))), "OK");
    let before = daemon.memory();
    let silent: Vec<Client> = (0..4)
        .map(|_| {
            let mut client = daemon.connect();
            client.0.get_ref().set_nonblocking(true).expect("a socket");
            // As much as the daemon takes, until it takes no more.
            let requests = "get big\n".repeat(1000);
            let mut refused = 0;
            while refused < 50 {
                let sent = client.0.get_mut().write(requests.as_bytes()).unwrap_or(0);
                refused = if sent > 0 { 0 } else { refused + 1 };
                std::thread::sleep(Duration::from_millis(2));
            }
            assert_lives(&daemon);
            client
        })
        .collect();
    let after = daemon.memory();
    // Each may have the replies to its first batch, twice while they are written out.
    assert!(after < before + silent.len() * 80 * MIB, "from {before} to {after}");
    drop(silent);
    assert_lives(&daemon);
}

#[test]
fn one_byte_at_a_time_is_served() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    for byte in b"set slow value\r\nget slow\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.line(), "OK");
    assert_eq!(client.line(), "value");
}

#[test]
fn a_pipeline_is_answered_though_its_sender_reads_nothing_before_its_end() {
    let daemon = Daemon::start(&[]);
    let mut client = daemon.connect();
    assert_eq!(client.ask(&format!("set k {}", "x".repeat(1000))), "OK");
    // More in each direction than the kernel's buffers hold.
    client.send("get k\n".repeat(20_000));
    for _ in 0..20_000 {
        assert_eq!(client.line().len(), 1000);
    }
}

#[test]
fn past_the_bound_on_memory_large_requests_wait_and_small_ones_do_not() {
    let daemon = Daemon::start(&[("MAX_MEMORY", "24MiB"), ("MAX_REQUEST", "16MiB")]);
    let before = daemon.memory();
    let value = vec![b'v'; 10 * MIB];
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let (mut client, value) = (daemon.connect(), value.clone());
            std::thread::spawn(move || {
                client.send(format!("set big{n} "));
                client.send(&value);
                client.send(b"\n");
                assert_eq!(client.line(), "OK");
            })
        })
        .collect();
    for _ in 0..50 {
        assert_lives(&daemon);
    }
    for writer in writers {
        writer.join().expect("every value was stored");
    }
    assert_eq!(daemon.ask("dbsize"), "8");
    assert!(daemon.memory() < before + 400 * MIB, "{}", daemon.memory());
}
