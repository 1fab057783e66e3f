//! Bad input: an error reply or a closed connection, bounded memory, and a daemon that lives. Bad
//! peers are in `faults/client.rs`.

mod support;

use std::io::Write;

use support::daemon::Daemon;

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
