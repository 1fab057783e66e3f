//! A network between a server and its Valkey: replies arrive late, by a time that is the same for
//! all, and nothing else changes. One thread, whose own time counts for whoever is measured.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

/// A running relay; it ends with its connections when it is dropped.
pub(crate) struct Relay {
    dir: TempDir,
    /// Its other end ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays to the socket `server`, whose replies it keeps back for so long.
    pub(crate) fn start(server: &Path, delay: Duration) -> Relay {
        let dir = tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory");
        let listener = UnixListener::bind(dir.path().join("relay")).expect("a socket");
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        let server = server.to_owned();
        let thread =
            std::thread::spawn(move || Network::new(server, delay).run(&listener, &stopped));
        Relay { dir, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("relay")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Network {
    server: PathBuf,
    delay: Duration,
    /// A client and its own connection to the server; neither once one has ended.
    lines: Vec<Option<[UnixStream; 2]>>,
    /// In the order in which they are due, as the delay is the same for all.
    late: VecDeque<(Instant, usize, Vec<u8>)>,
    buffer: Vec<u8>,
}

impl Network {
    fn new(server: PathBuf, delay: Duration) -> Network {
        let (lines, late) = (Vec::new(), VecDeque::new());
        Network { server, delay, lines, late, buffer: vec![0; 256 * 1024] }
    }

    fn run(&mut self, listener: &UnixListener, stopped: &UnixStream) {
        loop {
            let (events, places) = self.wait(listener, stopped);
            if events[0] {
                return;
            }
            self.deliver();
            if events[1] {
                let (client, _) = listener.accept().expect("a connection");
                // Without a server the client's connection ends at once.
                let server = UnixStream::connect(&self.server);
                self.lines.push(server.ok().map(|server| [client, server]));
            }
            for (place, _) in places.iter().zip(&events[2..]).filter(|(_, is_ready)| **is_ready) {
                self.take(place.0, place.1);
            }
        }
    }

    /// What can be read: first whether to stop, then the listener, then the ends of the lines.
    fn wait(&self, listener: &UnixListener, stop: &UnixStream) -> (Vec<bool>, Vec<(usize, usize)>) {
        let mut places = Vec::new();
        let mut polled =
            vec![PollFd::new(stop, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
        for (number, line) in self.lines.iter().enumerate() {
            for (end, stream) in line.iter().flatten().enumerate() {
                places.push((number, end));
                polled.push(PollFd::new(stream, PollFlags::IN));
            }
        }
        let due = self.late.front().map(|(due, ..)| due.saturating_duration_since(Instant::now()));
        let due = due.map(|due| Timespec::try_from(due).expect("a short time"));
        match poll(&mut polled, due.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
        (polled.iter().map(|polled| !polled.revents().is_empty()).collect(), places)
    }

    /// Passes on what has waited long enough.
    fn deliver(&mut self) {
        while self.late.front().is_some_and(|(due, ..)| *due <= Instant::now()) {
            let Some((_, number, bytes)) = self.late.pop_front() else { return };
            let Some([client, _]) = &mut self.lines[number] else { continue };
            if client.write_all(&bytes).is_err() {
                self.lines[number] = None;
            }
        }
    }

    /// Reads from one end of a line: a request goes on at once, a reply waits.
    fn take(&mut self, number: usize, end: usize) {
        let Some(line) = &mut self.lines[number] else { return };
        let read = match line[end].read(&mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            read => read.unwrap_or(0),
        };
        let bytes = &self.buffer[..read];
        if read == 0 || (end == 0 && line[1].write_all(bytes).is_err()) {
            self.lines[number] = None;
        } else if end == 1 {
            self.late.push_back((Instant::now() + self.delay, number, bytes.to_vec()));
        }
    }
}
