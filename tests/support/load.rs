//! Clients that go on through a fault, and check every reply that they get.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ledger::{Figures, Ledger};
use super::wire::textual::{Protocol, Wire};

/// Clients at a time.
pub(crate) const CLIENTS: usize = 6;
/// How long what must come may take to do so on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rounds of requests of each client that are a load.
const ROUNDS: u64 = 25;

/// What may happen besides right replies and those that say that the store is away.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowed {
    /// Errors to a write, which was not carried out then.
    pub(crate) refusals: &'static [&'static str],
    /// The daemon may end the connection: what it did not answer is of unknown outcome.
    pub(crate) endings: bool,
}

/// Clients at work, of all protocols.
pub(crate) struct Load {
    clients: Vec<JoinHandle<Client>>,
    rounds: Vec<Arc<AtomicU64>>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    /// Begins to ask the daemon on `socket`. `name` begins the name of each key.
    pub(crate) fn start(socket: &Path, name: &str, allowed: Allowed) -> Load {
        let is_over = Arc::new(AtomicBool::new(false));
        let rounds: Vec<_> = (0..CLIENTS).map(|_| Arc::new(AtomicU64::new(0))).collect();
        let clients = rounds.iter().enumerate().map(|(number, rounds)| {
            let mut client = Client::new(socket, &format!("{name}{number}"), number, allowed);
            let (rounds, is_over) = (Arc::clone(rounds), Arc::clone(&is_over));
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    client.round();
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                client
            })
        });
        Load { clients: clients.collect(), rounds, is_over }
    }

    /// Waits until every client has done a good deal more.
    pub(crate) fn go_on(&self) {
        self.go_on_by(ROUNDS);
    }

    /// Waits until every client has done so many rounds more, of eight requests each.
    pub(crate) fn go_on_by(&self, rounds: u64) {
        let before: Vec<u64> = self.count();
        let enough =
            |now: Vec<u64>| now.iter().zip(&before).all(|(now, before)| *now >= before + rounds);
        let end = Instant::now() + PATIENCE;
        while !enough(self.count()) && !self.has_failed() {
            assert!(Instant::now() < end, "the load does not go on: {before:?} {:?}", self.count());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn count(&self) -> Vec<u64> {
        self.rounds.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Whether a client saw what may not be; [`Load::finish`] shows it.
    pub(crate) fn has_failed(&self) -> bool {
        self.clients.iter().any(JoinHandle::is_finished)
    }

    /// Ends the load, looks at every key once more, and gives what it came to.
    pub(crate) fn finish(self) -> Figures {
        self.pause().check()
    }

    /// Ends the load.
    pub(crate) fn pause(self) -> Paused {
        self.is_over.store(true, Ordering::Relaxed);
        let clients = self.clients.into_iter();
        Paused(clients.map(|client| client.join().expect("every reply was right")).collect())
    }
}

/// Clients that have asked, and know what has to be there.
pub(crate) struct Paused(Vec<Client>);

impl Paused {
    /// Looks at every key, and gives what the load came to.
    pub(crate) fn check(self) -> Figures {
        let all = self.0.into_iter().map(|mut client| {
            client.check_all();
            client.ledger.figures
        });
        all.fold(Figures::default(), Figures::and)
    }
}

/// A client with keys of its own, which connects again when it may have to.
struct Client {
    socket: PathBuf,
    protocol: Protocol,
    wire: Option<Wire>,
    ledger: Ledger,
    may_end: bool,
    /// Each request waits for the reply to the one before.
    in_steps: bool,
}

impl Client {
    fn new(socket: &Path, name: &str, number: usize, allowed: Allowed) -> Client {
        let protocol = [Protocol::Text, Protocol::Resp2, Protocol::Resp3][number % 3];
        Client {
            socket: socket.to_owned(),
            protocol,
            wire: None,
            ledger: Ledger::new(name, allowed.refusals),
            may_end: allowed.endings,
            in_steps: number >= CLIENTS / 2,
        }
    }

    fn round(&mut self) {
        let requests = self.ledger.ask();
        let at_once = if self.in_steps { 1 } else { requests.len() };
        for piece in requests.chunks(at_once) {
            self.converse(piece);
        }
    }

    fn converse(&mut self, requests: &[String]) {
        let sent = self.wire().send(requests);
        assert!(sent.is_ok() || self.may_end, "the daemon does not read: {sent:?}");
        for request in requests {
            let reply = self.wire.as_mut().map(Wire::reply);
            let reply = reply.unwrap_or(Err(std::io::ErrorKind::NotConnected.into()));
            assert!(reply.is_ok() || self.may_end, "no reply to {request}: {reply:?}");
            if reply.is_err() {
                self.wire = None;
            }
            self.ledger.take(reply.as_deref().ok());
        }
    }

    /// The connection; a daemon that does not listen yet is waited for, where it may be away.
    fn wire(&mut self) -> &mut Wire {
        if self.wire.is_none() {
            let end = Instant::now() + PATIENCE;
            let wire = loop {
                match Wire::connect(&self.socket, self.protocol) {
                    Ok(wire) => break wire,
                    Err(error) => assert!(
                        self.may_end && Instant::now() < end,
                        "the daemon cannot be connected to: {error}"
                    ),
                }
                std::thread::sleep(Duration::from_millis(2));
            };
            self.ledger.figures.connections += 1;
            self.wire = Some(wire);
        }
        self.wire.as_mut().expect("just connected")
    }

    fn check_all(&mut self) {
        for (place, key) in self.ledger.keys().iter().enumerate() {
            let found = self.read(key);
            self.ledger.check(place, &found);
            self.ledger.figures.keys += 1;
        }
    }

    /// What the key is, as soon as anybody tells.
    fn read(&mut self, key: &str) -> String {
        let (get, end) = ([format!("get {key}")], Instant::now() + PATIENCE);
        loop {
            match self.wire().send(&get).and_then(|()| self.wire().reply()) {
                Ok(reply) if !reply.starts_with("ERROR: store unavailable: ") => return reply,
                Ok(_) => {}
                Err(error) => {
                    assert!(self.may_end, "no reply to {get:?}: {error}");
                    self.wire = None;
                }
            }
            assert!(Instant::now() < end, "no answer to a read of {key}");
        }
    }
}
