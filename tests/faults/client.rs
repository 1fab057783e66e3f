//! Clients that behave badly, beside others who do not notice.

use std::io::Write;
use std::time::Duration;

use crate::support::daemon::Daemon;
use crate::support::load::{Allowed, Load};
use crate::support::role::Kvsock;
use crate::support::valkey::Setup;
use crate::support::wire::client::Client;
use crate::{rounds, show, until};

const MIB: usize = 1024 * 1024;

/// Lets clients misbehave beside the load, each request of which has to be carried out.
fn beside_load(what: &str, daemon: &dyn Kvsock, misbehave: impl FnOnce(&Load)) {
    let load = Load::start(&daemon.socket(), "k", Allowed::default());
    load.go_on();
    misbehave(&load);
    load.go_on();
    let figures = load.finish();
    show(&format!("{what}: {figures}; {} MiB resident", daemon.memory() / MIB));
    assert_eq!(figures.done, figures.all(), "{figures}");
}

/// How many connections the daemon knows of, this one not counted.
fn clients(daemon: &dyn Kvsock) -> u64 {
    let status = daemon.ask("status json");
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    status["clients"].as_u64().expect("a number") - 1
}

/// Clients that say nothing hinder nobody, and are served when they speak.
pub(crate) fn silent(daemon: &dyn Kvsock) {
    beside_load("500 silent clients", daemon, |load| {
        let mut silent: Vec<Client> = (0..500).map(|_| daemon.connect()).collect();
        until("all are in", || clients(daemon) >= 500);
        load.go_on();
        for (count, client) in (1..).zip(&mut silent) {
            assert_eq!(client.ask("incr spoken"), count.to_string());
        }
    });
}

/// Requests that come byte by byte are served, and hinder nobody.
pub(crate) fn slow(daemon: &dyn Kvsock) {
    beside_load("50 clients that send a byte every 20 ms", daemon, |load| {
        let mut slow: Vec<(Client, Vec<u8>)> = (0..50)
            .map(|number| {
                // Half of them in RESP.
                let request = if number % 2 == 0 {
                    format!("set slow{number} v{number}\r\n")
                } else {
                    let (key, value) = (format!("slow{number}"), format!("v{number}"));
                    let (key_len, value_len) = (key.len(), value.len());
                    format!("*3\r\n$3\r\nSET\r\n${key_len}\r\n{key}\r\n${value_len}\r\n{value}\r\n")
                };
                (daemon.connect(), request.into_bytes())
            })
            .collect();
        let longest = slow.iter().map(|(_, request)| request.len()).max().expect("fifty");
        for place in 0..longest {
            for (client, request) in &mut slow {
                client.send(request.get(place..=place).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
            assert!(!load.has_failed(), "the load was disturbed");
        }
        for (number, (client, _)) in slow.iter_mut().enumerate() {
            let right = if number % 2 == 0 { "OK" } else { "+OK\r" };
            assert_eq!(client.line(), right, "client {number}");
            assert_eq!(daemon.ask(&format!("get slow{number}")), format!("v{number}"));
        }
    });
}

/// Clients that vanish leave nothing behind, and no half request is carried out.
pub(crate) fn vanishing(daemon: &dyn Kvsock) {
    let value = "x".repeat(50_000);
    beside_load("400 clients that vanish", daemon, |_| {
        let before = clients(daemon);
        for number in 0..400 {
            let mut client = daemon.connect();
            match number % 8 {
                0 => {}
                1 => client.send(format!("set half{number} v")),
                2 => client.send(format!("set half{number} {value}")),
                3 => client.send(format!("*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$50000\r\n{value}\r")),
                4 => client.send(format!("multi\nset half{number} v\n")),
                5 => client.send("get missing\n".repeat(1000)),
                6 => client.send(format!("set whole{number} {value}\n")),
                _ => client.send(format!("set read{number} {value}\nget read{number}\n")),
            }
        }
        until("all are gone", || clients(daemon) == before);
        assert_eq!(daemon.ask("keys half*"), "");
        // Whole requests were carried out whole, or not at all.
        let mut found = 0;
        for key in daemon.ask("keys [wr]*").split(' ').filter(|key| !key.is_empty()) {
            assert_eq!(daemon.ask(&format!("get {key}")), value, "{key}");
            found += 1;
        }
        show(&format!("of 100 whole requests of clients that vanished, {found} carried out"));
    });
}

/// A client that half-closed gets all its replies.
pub(crate) fn half_closed(daemon: &dyn Kvsock) {
    beside_load("clients that half-close", daemon, |load| {
        for number in 0..rounds(10) {
            let value = format!("{number}").repeat(MIB);
            let mut text = daemon.connect();
            // Large replies are in transit while the peer is slow to read them.
            text.send(format!("set big{number} {value}\n"));
            text.send(format!("get big{number}\nincr n{number}\n").repeat(8));
            text.send(format!("set n{number} half a requ"));
            text.finish();
            load.go_on_by(2);
            let replies: Vec<String> = (1..=8).map(|count| format!("{value}\n{count}\n")).collect();
            let end = "ERROR: request not ended by a newline\n";
            let expected = format!("OK\n{}{end}", replies.concat());
            assert!(text.rest() == expected.as_bytes(), "client {number} of the text protocol");

            let mut resp = daemon.connect();
            let key = format!("big{number}");
            let get = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
            resp.send(get.repeat(8) + "*2\r\n$4\r\nINCR\r\n$9\r\nhalf");
            resp.finish();
            load.go_on_by(2);
            let expected = format!("${}\r\n{value}\r\n", value.len()).repeat(8);
            let found = resp.rest();
            assert!(found.starts_with(expected.as_bytes()), "client {number} of RESP");
            assert_eq!(
                daemon.ask(&format!("get n{number}")),
                "8",
                "no half request is carried out"
            );
        }
    });
}

/// Clients that never read are held in bounded memory. The daemon has a `KVSOCK_MAX_REPLY` of 4 MiB.
pub(crate) fn never_reading(daemon: &dyn Kvsock) {
    assert_eq!(daemon.ask(&format!("set big {}", "x".repeat(MIB))), "OK");
    beside_load("4 clients that never read", daemon, |load| {
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
                load.go_on_by(2);
                client
            })
            .collect();
        let after = daemon.memory();
        show(&format!("memory from {} to {} MiB", before / MIB, after / MIB));
        // Each may have the replies to its first batch, twice while they are written out.
        assert!(after < before + silent.len() * 80 * MIB, "from {before} to {after}");
        // One that begins to read after all gets whole replies.
        let mut late = silent.into_iter().next().expect("four");
        late.0.get_ref().set_nonblocking(false).expect("a socket");
        for _ in 0..20 {
            assert_eq!(late.line().len(), MIB);
        }
    });
}

/// A line of so many MiB is read away in bounded memory. The daemon takes requests of one, and its store is a Valkey: the tables of
/// an embedded one would grow beside it.
pub(crate) fn endless(daemon: &dyn Kvsock, size: u64) {
    beside_load(&format!("{size} MiB without a newline"), daemon, |load| {
        let before = daemon.memory();
        let mut client = daemon.connect();
        client.send(b"set k ");
        let piece = vec![b'x'; MIB];
        let mut most = 0;
        for _ in 0..size {
            client.send(&piece);
            most = most.max(daemon.memory());
            assert!(!load.has_failed(), "the load was disturbed");
        }
        show(&format!("memory from {} to {} MiB at most", before / MIB, most / MIB));
        assert!(most < before + 16 * MIB, "from {before} to {most} bytes");
        assert_eq!(client.line(), "ERROR: request longer than 1048576 bytes");
        client.send(b"\nping\n");
        assert_eq!(client.line(), "pong");
        assert_eq!(daemon.ask("get k"), "(nil)");
        // Nor does one come that only ever begins.
        let mut endless = daemon.connect();
        endless.send(vec![b'x'; 2 * MIB]);
        endless.finish();
        let rest = endless.text_to_end();
        assert_eq!(rest.lines().count(), 1, "{rest}");
    });
}

#[test]
fn clients_that_say_nothing_hinder_nobody_and_are_served_when_they_speak() {
    silent(&Daemon::start(&[]));
}

#[test]
fn requests_that_come_byte_by_byte_are_served_and_hinder_nobody() {
    slow(&Daemon::start(&[]));
}

#[test]
fn clients_that_vanish_leave_nothing_behind_and_no_half_request_is_carried_out() {
    vanishing(&Daemon::start(&[]));
}

#[test]
fn a_half_closed_client_gets_all_its_replies() {
    half_closed(&Daemon::start(&[]));
}

#[test]
fn clients_that_never_read_are_held_in_bounded_memory() {
    never_reading(&Daemon::start(&[("MAX_REPLY", "4MiB")]));
}

#[test]
fn a_gib_without_a_newline_is_read_away_in_bounded_memory() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon = Daemon::start(&[("STORE", &valkey.url()), ("MAX_REQUEST", "1MiB")]);
    endless(&daemon, 1024);
}
