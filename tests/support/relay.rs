//! A relay between the daemon and its Valkey, whose network it is: it passes bytes on, late, not
//! at all, or cuts the connection, as a test's rule says of each piece that it reads.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// The way that a piece goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToDaemon,
}

/// What becomes of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// It is passed on after so long.
    Late(Duration),
    /// It never arrives, and the connection stays.
    Lost,
    /// So many of its bytes arrive, and then the connection ends.
    Cut(usize),
    /// Something else arrives in its place.
    Instead(Vec<u8>),
}

type Rule = dyn Fn(Way, &[u8]) -> Fate + Send + Sync;

/// A running relay. It ends, with its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    socket: PathBuf,
    /// The socket's directory, where that is the relay's.
    own: Option<TempDir>,
    lines: Arc<Lines>,
}

struct Lines {
    server: PathBuf,
    rule: Box<Rule>,
    is_over: AtomicBool,
    made: AtomicU64,
    open: Mutex<HashMap<u64, [UnixStream; 2]>>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Relay {
    /// Begins to relay to the socket `server`.
    pub(crate) fn start(
        server: &Path,
        rule: impl Fn(Way, &[u8]) -> Fate + Send + Sync + 'static,
    ) -> Relay {
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let socket = dir.path().join("relay");
        let mut relay = Relay::start_at(&socket, server, rule);
        relay.own = Some(dir);
        relay
    }

    /// The same, listening on `socket`, which all users may connect to.
    pub(crate) fn start_at(
        socket: &Path,
        server: &Path,
        rule: impl Fn(Way, &[u8]) -> Fate + Send + Sync + 'static,
    ) -> Relay {
        let listener = UnixListener::bind(socket).expect("a socket");
        let for_all = Permissions::from_mode(0o777);
        std::fs::set_permissions(socket, for_all).expect("a socket of ours");
        let lines = Arc::new(Lines {
            server: server.to_owned(),
            rule: Box::new(rule),
            is_over: AtomicBool::new(false),
            made: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let taking = Arc::clone(&lines);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if taking.is_over.load(Ordering::Relaxed) {
                    return;
                }
                connect(&taking, client.expect("a connection"));
            }
        });
        Relay { socket: socket.to_owned(), own: None, lines }
    }

    /// Where it listens, as `KVSOCK_STORE` has it.
    pub(crate) fn url(&self) -> String {
        format!("valkey+unix://{}", self.socket.display())
    }

    /// Ends every connection; gives how many there were.
    pub(crate) fn cut(&self) -> usize {
        let mut open = self.lines.open.lock().expect("no thread panicked");
        let ends = open.drain().map(|(_, ends)| ends);
        ends.map(|[client, server]| {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        })
        .count()
    }

    /// Connections made so far.
    pub(crate) fn made(&self) -> u64 {
        self.lines.made.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.lines.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that takes connections.
        let _ = UnixStream::connect(&self.socket);
        self.cut();
    }
}

/// Without a server the client's connection ends at once.
fn connect(lines: &Arc<Lines>, client: UnixStream) {
    let Ok(server) = UnixStream::connect(&lines.server) else { return };
    let id = lines.made.fetch_add(1, Ordering::Relaxed);
    let twice = |stream: &UnixStream| stream.try_clone().expect("a descriptor");
    let ends = [twice(&client), twice(&server)];
    lines.open.lock().expect("no thread panicked").insert(id, ends);
    for (way, from, to) in
        [(Way::ToServer, twice(&client), twice(&server)), (Way::ToDaemon, server, client)]
    {
        let lines = Arc::clone(lines);
        std::thread::spawn(move || {
            pass_on(&lines, way, &from, &to);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            lines.open.lock().expect("no thread panicked").remove(&id);
        });
    }
}

fn pass_on(lines: &Lines, way: Way, mut from: &UnixStream, mut to: &UnixStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer) else { return };
        let piece = &buffer[..read];
        let (passed, is_end): (Cow<'_, [u8]>, bool) = match (lines.rule)(way, piece) {
            Fate::Pass => (piece.into(), false),
            Fate::Late(wait) => {
                std::thread::sleep(wait);
                (piece.into(), false)
            }
            Fate::Lost => (Cow::default(), false),
            Fate::Cut(count) => (piece[..count.min(read)].into(), true),
            Fate::Instead(other) => (other.into(), false),
        };
        if to.write_all(&passed).is_err() || is_end {
            return;
        }
    }
}
