//! What hostile users do. Each goes on until the test is over, takes refusals as they come, and
//! connects again when it is thrown out.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;

/// One who acts on a socket until the test is over.
type Act = fn(&Path, &AtomicBool);

/// All of them, by their names.
pub(super) const HOSTILE: [(&str, Act); 8] = [
    ("transactions", dear_transactions),
    ("lcs", dear_reads),
    ("scans", many_scans),
    ("setbit", huge_offsets),
    ("exec", large_transactions),
    ("drip", dripping_requests),
    ("pipeline", unread_pipeline),
    ("writes", large_writes),
];

/// How long one waits for the daemon before it looks whether the test is over.
const TICK: Duration = Duration::from_millis(200);
const CONNECTIONS: usize = 64;

/// A connection that never waits for ever.
struct Peer(UnixStream);

impl Peer {
    fn connect(socket: &Path) -> io::Result<Peer> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        Ok(Peer(stream))
    }

    /// Writes all, unless the test is over.
    fn send(&mut self, mut bytes: &[u8], is_over: &AtomicBool) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.0.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => go_on(error, is_over)?,
            }
        }
        Ok(())
    }

    /// Reads replies until `end` has come, which is the reply to ECHO of a word.
    fn read_to(&mut self, end: &[u8], is_over: &AtomicBool) -> io::Result<()> {
        let (mut buffer, mut tail) = (vec![0; 256 * 1024], Vec::new());
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    tail.extend_from_slice(&buffer[..length]);
                    if tail.ends_with(end) {
                        return Ok(());
                    }
                    let kept = tail.len().saturating_sub(end.len());
                    tail.drain(..kept);
                }
                Err(error) => go_on(error, is_over)?,
            }
        }
    }
}

fn go_on(error: io::Error, is_over: &AtomicBool) -> io::Result<()> {
    let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
    if waited && !is_over.load(Ordering::Relaxed) { Ok(()) } else { Err(error) }
}

/// A request in RESP.
fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn set(key: &str, value: &[u8]) -> Vec<u8> {
    request(&[b"SET", key.as_bytes(), value])
}

/// Ends a round: what [`END`] answers.
fn end() -> Vec<u8> {
    request(&[b"ECHO", b"~end~"])
}

const END: &[u8] = b"$5\r\n~end~\r\n";

/// Does `round` on a connection again and again, each time after `prepare` on a new one.
fn again(
    socket: &Path,
    is_over: &AtomicBool,
    prepare: &[u8],
    mut round: impl FnMut(&mut Peer) -> io::Result<()>,
) {
    let mut attempt = || {
        let mut peer = Peer::connect(socket)?;
        peer.send(&[prepare, &end()].concat(), is_over)?;
        peer.read_to(END, is_over)?;
        while !is_over.load(Ordering::Relaxed) {
            round(&mut peer)?;
        }
        Ok::<_, io::Error>(())
    };
    while !is_over.load(Ordering::Relaxed) {
        if attempt().is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::rng().fill(&mut bytes[..]);
    bytes
}

/// Many connections that do the same at once.
fn crowd(socket: &Path, is_over: &AtomicBool, prepare: &[u8], each: &[u8]) {
    let mut peers: Vec<Option<Peer>> = Vec::new();
    again(socket, is_over, prepare, |_| {
        peers.resize_with(CONNECTIONS, || None);
        for place in &mut peers {
            if place.is_none() {
                *place = Peer::connect(socket).ok();
            }
            if let Some(peer) = place
                && peer.send(each, is_over).is_err()
            {
                *place = None;
            }
        }
        for place in &mut peers {
            if let Some(peer) = place
                && peer.read_to(END, is_over).is_err()
            {
                *place = None;
            }
        }
        Ok(())
    });
}

/// Transactions of a command that takes long.
fn dear_transactions(socket: &Path, is_over: &AtomicBool) {
    let prepare = [set("h:a", &random(11_000)), set("h:b", &random(11_000))].concat();
    let lcs = request(&[b"LCS", b"h:a", b"h:b"]);
    let each = [request(&[b"MULTI"]), lcs, request(&[b"EXEC"]), end()].concat();
    crowd(socket, is_over, &prepare, &each);
}

/// The same command outside of transactions.
fn dear_reads(socket: &Path, is_over: &AtomicBool) {
    let prepare = [set("h:c", &random(11_000)), set("h:d", &random(11_000))].concat();
    let each = [request(&[b"LCS", b"h:c", b"h:d", b"LEN"]), end()].concat();
    crowd(socket, is_over, &prepare, &each);
}

/// Begins walks and never goes on with them.
fn many_scans(socket: &Path, is_over: &AtomicBool) {
    let keys: Vec<u8> = (0..500).flat_map(|n| set(&format!("h:key:{n}"), b"x")).collect();
    let mut scans = request(&[b"SCAN", b"0", b"COUNT", b"1"]).repeat(5000);
    scans.extend(end());
    again(socket, is_over, &keys, |peer| {
        peer.send(&scans, is_over)?;
        peer.read_to(END, is_over)
    });
}

/// Asks for values of 512 MiB.
fn huge_offsets(socket: &Path, is_over: &AtomicBool) {
    let grow = [
        request(&[b"SETBIT", b"h:bits", b"4294967295", b"1"]),
        request(&[b"SETRANGE", b"h:range", b"536870900", b"x"]),
        request(&[b"DEL", b"h:bits", b"h:range"]),
        end(),
    ];
    let grow = grow.concat();
    again(socket, is_over, b"", |peer| {
        peer.send(&grow, is_over)?;
        peer.read_to(END, is_over)
    });
}

/// Transactions with replies of 360 MiB.
fn large_transactions(socket: &Path, is_over: &AtomicBool) {
    let mut each = request(&[b"MULTI"]);
    each.extend(request(&[b"GET", b"h:large"]).repeat(90));
    each.extend([request(&[b"EXEC"]), end()].concat());
    again(socket, is_over, &set("h:large", &vec![b'x'; 4 << 20]), |peer| {
        peer.send(&each, is_over)?;
        peer.read_to(END, is_over)
    });
}

/// Requests of which much comes at once, and the rest a byte a second.
fn dripping_requests(socket: &Path, is_over: &AtomicBool) {
    let whole = set("h:drip", &vec![b'x'; 8 << 20]);
    let (first, rest) = whole.split_at(6 << 20);
    let mut peers: Vec<Peer> = Vec::new();
    let mut next = Instant::now();
    let mut place = 0;
    again(socket, is_over, b"", |_| {
        while peers.len() < 8 {
            let mut peer = Peer::connect(socket)?;
            peer.0.set_nonblocking(true)?;
            // As much as it takes.
            let _ = peer.0.write(first);
            peers.push(peer);
        }
        if Instant::now() >= next {
            next = Instant::now() + Duration::from_secs(1);
            place = (place + 1) % rest.len();
            peers.retain_mut(|peer| match peer.0.write(&rest[place..=place]) {
                Ok(_) => true,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            });
        }
        std::thread::sleep(TICK);
        Ok(())
    });
}

/// Writes a whole pipeline before it reads the first reply.
fn unread_pipeline(socket: &Path, is_over: &AtomicBool) {
    let mut pipeline = request(&[b"GET", b"h:ten"]).repeat(20_000);
    pipeline.extend(end());
    again(socket, is_over, &set("h:ten", &[b'x'; 10_000]), |peer| {
        peer.send(&pipeline, is_over)?;
        peer.read_to(END, is_over)
    });
}

/// Writes and removes many large values, as fast as they are taken.
fn large_writes(socket: &Path, is_over: &AtomicBool) {
    let mut each: Vec<u8> =
        (0..32).flat_map(|n| set(&format!("h:write:{n}"), &vec![b'w'; 64 * 1024])).collect();
    each.extend(request(&[b"MSET", b"h:write:x", &vec![b'w'; 1 << 20], b"h:write:y", b"1"]));
    each.extend(end());
    again(socket, is_over, b"", |peer| {
        peer.send(&each, is_over)?;
        peer.read_to(END, is_over)
    });
}
