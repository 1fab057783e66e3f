//! A Valkey that lies, to see that the check finds out: a relay that does wrong to one of many
//! requests.

use std::collections::HashMap;
use std::io::BufReader;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kvsock::protocol::resp::encode_request;
use tempfile::TempDir;

use crate::support::wire::client::Client;
use crate::support::wire::frame;

/// Of so many requests of the kind that it lies about, it lies about one.
const RARELY: u64 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// An APPEND or INCR is carried out twice.
    Twice,
    /// A SET is acknowledged, and never carried out.
    Never,
    /// A SET is carried out, and again after thirty further requests.
    Again,
    /// A GET is answered as that key's GET before.
    Stale,
    /// A PSETEX is carried out as a SET.
    Lasting,
}

#[derive(Debug)]
pub(crate) struct Liar {
    dir: TempDir,
    told: Arc<AtomicU64>,
}

impl Liar {
    /// Listens, and passes on to the socket `server` until the process ends.
    pub(crate) fn start(server: &Path, lie: Lie) -> Liar {
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let listener = UnixListener::bind(dir.path().join("liar")).expect("a socket");
        let path: PathBuf = server.to_owned();
        let told = Arc::new(AtomicU64::new(0));
        let liar = Liar { dir, told: Arc::clone(&told) };
        std::thread::spawn(move || {
            for taken in listener.incoming() {
                let (Ok(client), Ok(server)) = (taken, UnixStream::connect(&path)) else {
                    continue;
                };
                let told = Arc::clone(&told);
                let mut between = Line {
                    client: Client(BufReader::new(client)),
                    server: Client(BufReader::new(server)),
                    lie,
                    told,
                    known: HashMap::new(),
                    late: None,
                    is_queueing: false,
                };
                std::thread::spawn(move || while between.pass_on().is_some() {});
            }
        });
        liar
    }

    /// How many lies it told so far.
    pub(crate) fn lies(&self) -> u64 {
        self.told.load(Ordering::Relaxed) / RARELY
    }

    pub(crate) fn url(&self) -> String {
        format!("valkey+unix://{}", self.dir.path().join("liar").display())
    }
}

/// A connection that is lied on.
struct Line {
    client: Client,
    server: Client,
    lie: Lie,
    /// Requests that it could have lied about, on all connections.
    told: Arc<AtomicU64>,
    /// The last answer to GET by key.
    known: HashMap<Vec<u8>, Vec<u8>>,
    /// What is sent again after so many requests.
    late: Option<(u64, Vec<u8>)>,
    /// In a transaction, where a lie would show at once.
    is_queueing: bool,
}

impl Line {
    /// Passes on one request and its reply; `None` when the connection ended.
    fn pass_on(&mut self) -> Option<()> {
        let request = self.client.frame().ok()?;
        let words: Vec<Vec<u8>> = frame::elements(&request)?
            .into_iter()
            .map(|word| frame::bulk(word).unwrap_or_default().to_vec())
            .collect();
        let is = |name: &[u8]| words[0].eq_ignore_ascii_case(name);
        self.is_queueing = (self.is_queueing || is(b"MULTI")) && !is(b"EXEC");
        let suits = match self.lie {
            _ if self.is_queueing => false,
            Lie::Twice => is(b"APPEND") || is(b"INCR"),
            Lie::Never | Lie::Again => is(b"SET") && words.len() == 3,
            Lie::Stale => is(b"GET"),
            Lie::Lasting => is(b"PSETEX"),
        };
        // There are few of those.
        let weight = if self.lie == Lie::Lasting { RARELY } else { 1 };
        let told = self.told.fetch_add(if suits { weight } else { 0 }, Ordering::Relaxed);
        let lies = suits && told % RARELY + weight >= RARELY;
        let reply = match self.lie {
            Lie::Never if lies => b"+OK\r\n".to_vec(),
            Lie::Lasting if lies => {
                let mut lasting = Vec::new();
                encode_request(b"SET", &[&words[1], &words[3]], &mut lasting);
                self.ask(&lasting)?
            }
            _ => self.ask(&request)?,
        };
        let reply = match self.lie {
            Lie::Twice if lies => {
                self.ask(&request)?;
                reply
            }
            Lie::Stale if suits => {
                let before = self.known.insert(words[1].clone(), reply.clone());
                if lies { before.unwrap_or(reply) } else { reply }
            }
            _ => reply,
        };
        if self.lie == Lie::Again && lies && self.late.is_none() {
            self.late = Some((30, request));
        } else if let Some((wait, request)) = self.late.take() {
            if wait == 0 && !self.is_queueing {
                self.ask(&request)?;
            } else {
                self.late = Some((wait.saturating_sub(1), request));
            }
        }
        self.client.try_send(&reply).ok()
    }

    fn ask(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        self.server.try_send(request).ok()?;
        self.server.frame().ok()
    }
}
