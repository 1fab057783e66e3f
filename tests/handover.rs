//! What a daemon left for the next one, without a booted systemd: this test leaves it, as another
//! version of the daemon or a damaged one would.

mod support;

use std::fs;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kvsock::handover::Passage;

use support::daemon::{Daemon, PATIENCE};
use support::wire::client::Client;

/// What version 0.1.0 left of five connections.
const FIRST: &[u8] = include_bytes!("handover/format-1.bin");
/// The first bytes of the file, before the number of its format.
const MAGIC: usize = 16;

/// A kvsockd that finds what was left, and the peers of the connections within.
struct Successor {
    daemon: Daemon,
    child: Child,
    peers: Vec<Client>,
}

/// The ends of a passage that holds `state` and `count` connections, and the peers of these.
fn leave(state: &[u8], count: usize) -> ([OwnedFd; 2], Vec<Client>) {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(state).and_then(|()| file.rewind()).expect("written");
    let (peers, sockets): (Vec<_>, Vec<_>) = (0..count)
        .map(|_| UnixStream::pair().expect("a pair"))
        .map(|(peer, socket)| (peer, OwnedFd::from(socket)))
        .unzip();
    let (passage, refused) = Passage::fill(file.as_fd(), &sockets).expect("filled");
    assert_eq!(refused, 0);
    let peers = peers.into_iter().map(|peer| Client::over(peer).expect("a socket"));
    (passage.into_ends(), peers.collect())
}

/// Starts kvsockd as systemd would, with this socket and what the daemon before left.
fn activate(daemon: &Daemon, socket: OwnedFd, [left, right]: [OwnedFd; 2]) -> Child {
    let kvsockd = daemon.command();
    let environment =
        kvsockd.get_envs().filter_map(|(name, value)| value.map(|value| (name, value)));
    // The shell puts the descriptors where systemd does.
    let script = "LISTEN_PID=$$ exec \"$0\" 3<&0 4<&1 5<&2 </dev/null >/dev/null 2>\"$1\"";
    Command::new("sh")
        .args(["-c", script])
        .arg(kvsockd.get_program())
        .arg(daemon.dir().join("log"))
        .env_clear()
        .envs(environment)
        .env("LISTEN_FDS", "3")
        .env("LISTEN_FDNAMES", "kvsock.socket:kvsock-handover:kvsock-handover")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::from(left))
        .stderr(Stdio::from(right))
        .spawn()
        .expect("kvsockd starts")
}

impl Successor {
    /// Starts kvsockd with a listener and a passage that holds `state` and `count` connections.
    fn start(state: &[u8], count: usize) -> Successor {
        let daemon = Daemon::stopped(&[("LOG", "info")]);
        let (ends, peers) = leave(state, count);
        let listener = UnixListener::bind(daemon.socket()).expect("bound");
        let child = activate(&daemon, listener.into(), ends);
        Successor { daemon, child, peers }
    }

    /// Waits until it has logged this.
    fn await_entry(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(self.daemon.dir().join("log")).expect("a log");
            if log.contains(text) {
                return;
            }
            assert!(Instant::now() < end, "no {text:?} in {log}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_an_earlier_version_left_is_gone_on_with() {
    let mut next = Successor::start(FIRST, 5);
    let [closing, all, long_line, many_arguments, new] = &mut next.peers[..] else { panic!() };
    assert_eq!(closing.rest(), b"$5\r\nhel\0\xff\r\n");
    assert_eq!(all.ask("ping"), "pong");
    long_line.send("the rest of it\nping\n");
    assert_eq!(long_line.line(), "pong");
    many_arguments.send("$1\r\nx\r\n".repeat(9) + "*1\r\n$4\r\nPING\r\n");
    assert_eq!(many_arguments.line(), "+PONG\r");
    assert_eq!(new.ask("ping"), "pong");
    let number: u64 = next.daemon.ask("client id").parse().expect("a number");
    assert!(number > 77, "numbers go on after the newest: {number}");
}

#[test]
fn what_a_later_version_left_is_refused_and_its_clients_are_closed() {
    let mut later = FIRST.to_vec();
    later[MAGIC] = 2;
    let mut next = Successor::start(&later, 5);
    for peer in &mut next.peers {
        assert_eq!(peer.rest(), b"", "closed, and told nothing that it could take for a reply");
    }
    assert_eq!(next.daemon.ask("ping"), "pong");
    next.await_entry("it has format 2, and this version reads formats up to 1");
}

#[test]
fn one_damaged_record_closes_its_client_alone() {
    let mut damaged = FIRST.to_vec();
    let at = damaged.windows(8).position(|bytes| bytes == b"progress").expect("a field");
    damaged[at] = b'x';
    let mut next = Successor::start(&damaged, 5);
    assert_eq!(next.peers[0].rest(), b"");
    assert_eq!(next.peers[4].ask("ping"), "pong");
    next.await_entry("a client of the daemon before cannot be taken over");
}

#[test]
fn a_state_that_ends_too_early_closes_those_it_does_not_tell_of() {
    let mut next = Successor::start(&FIRST[..FIRST.len() - 1], 5);
    assert_eq!(next.peers[1].ask("ping"), "pong");
    assert_eq!(next.peers[4].rest(), b"");
    assert_eq!(next.daemon.ask("ping"), "pong");
}

#[test]
fn clients_without_a_record_are_closed() {
    let mut next = Successor::start(FIRST, 7);
    assert_eq!(next.peers[4].ask("ping"), "pong");
    for peer in &mut next.peers[5..] {
        assert_eq!(peer.rest(), b"");
    }
    next.await_entry("lost=2");
}

#[test]
fn a_wrong_kind_of_listener_leaves_the_clients_to_the_next_start() {
    let daemon = Daemon::stopped(&[("LOG", "info")]);
    let (ends, peers) = leave(FIRST, 5);
    // As the service manager does.
    let kept = ends.each_ref().map(|end| end.try_clone().expect("a copy"));
    let datagram = UnixDatagram::bind(daemon.dir().join("datagram")).expect("bound");
    let failed = activate(&daemon, datagram.into(), ends).wait().expect("it ends");
    // One that a service manager tries again after.
    assert_eq!(failed.code(), Some(75));
    let log = fs::read_to_string(daemon.dir().join("log")).expect("a log");
    assert!(log.contains("is not a listening Unix stream socket"), "{log}");
    let listener = UnixListener::bind(daemon.socket()).expect("bound");
    let child = activate(&daemon, listener.into(), kept);
    let mut next = Successor { daemon, child, peers };
    assert_eq!(next.peers[4].ask("ping"), "pong");
    assert_eq!(next.daemon.ask("ping"), "pong");
}
