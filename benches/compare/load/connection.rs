//! One connection that waits for each reply: to fill and check servers, and the client that asks
//! once and leaves.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::KEYS;
use super::dialect::{Batch, Dialect, Verb};
use crate::sample::{Latency, Sample};
use crate::server::Server;

/// How long a reply may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests at once where the time does not matter.
const PIECE: u64 = 100;

/// A connection whose replies are compared to the byte.
pub(crate) struct Connection(UnixStream);

impl Connection {
    pub(crate) fn to(socket: &Path) -> Connection {
        let stream = UnixStream::connect(socket).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Connection(stream)
    }

    /// Sends them, and fails unless the reply is what it must be.
    pub(crate) fn ask(&mut self, batch: &Batch) {
        self.0.write_all(&batch.request).expect("the server reads");
        let mut reply = vec![0; batch.reply.len()];
        let mut length = 0;
        // An error is shorter than the reply that should have come, and would be waited for.
        while length < reply.len() && reply[..length] == batch.reply[..length] {
            match self.0.read(&mut reply[length..]).expect("the server replies") {
                0 => break,
                read => length += read,
            }
        }
        assert_same(&reply[..length], &batch.reply);
    }
}

/// Stores a value of this size under each key, and reads all of them back.
pub(crate) fn fill(socket: &Path, dialect: Dialect, size: usize) {
    for verb in [Verb::Set, Verb::Get] {
        ask_all(socket, dialect, verb, size);
    }
}

/// Has a near cache know all keys: it keeps what is asked for the second time.
pub(crate) fn warm(socket: &Path, dialect: Dialect, size: usize) {
    for _ in 0..2 {
        ask_all(socket, dialect, Verb::Get, size);
    }
}

fn ask_all(socket: &Path, dialect: Dialect, verb: Verb, size: usize) {
    let mut connection = Connection::to(socket);
    for first in (0..KEYS).step_by(usize::try_from(PIECE).expect("a small number")) {
        connection.ask(&Batch::new(dialect, verb, size, first..first + PIECE));
    }
}

/// So many clients one after the other, each of which connects, asks once and leaves.
pub(crate) fn come_and_go(server: &Server, dialect: Dialect, count: u64) -> Sample {
    let ask = Batch::new(dialect, Verb::Get, 64, [7]);
    let mut times = Vec::with_capacity(usize::try_from(count).expect("it fits into memory"));
    let ((), cost) = server.meter.measure(|| {
        for _ in 0..count {
            let start = Instant::now();
            Connection::to(&server.socket).ask(&ask);
            times.push(start.elapsed());
        }
    });
    let elapsed = times.iter().sum();
    Sample { requests: count, elapsed, latency: Latency::of(&mut times), cost: Some(cost) }
}

/// Fails, with what can be read of both, unless these are the same bytes.
pub(super) fn assert_same(found: &[u8], wanted: &[u8]) {
    let show = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    assert!(found == wanted, "{:?} came instead of {:?}", show(found), show(wanted));
}
