//! kvsockd and its Valkey as a fault knows them, whether they are processes of the test's own
//! (`daemon.rs`, `valkey.rs`) or units of a booted machine (`unit.rs`).

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use super::daemon::memory;
use super::wire::client::Client;

/// A kvsockd.
pub(crate) trait Kvsock {
    /// Where it listens, as this process finds it.
    fn socket(&self) -> PathBuf;
    /// Its process, as this one sees it.
    fn pid(&self) -> Pid;
    /// Starts it again, with the same data, and waits until it serves.
    fn launch(&mut self);
    /// SIGKILL, and its end.
    fn kill(&mut self);
    /// Has it end in good order.
    fn stop(&mut self);

    /// A new one in its place. Under a service manager every connection stays.
    fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    /// A new connection.
    fn connect(&self) -> Client {
        Client::connect(&self.socket())
    }

    /// The reply to one request on a connection of its own.
    fn ask(&self, request: &str) -> String {
        self.connect().ask(request)
    }

    /// Resident memory now, in bytes.
    fn memory(&self) -> usize {
        memory(self.pid(), "VmRSS:")
    }

    /// Sends it a signal.
    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }
}

/// A Valkey.
pub(crate) trait Server {
    /// Its Unix socket, as this process finds it.
    fn socket(&self) -> PathBuf;
    /// Its process, as this one sees it.
    fn pid(&self) -> Pid;
    /// Starts it again after it was killed, with the data that it kept, and waits until it answers.
    fn launch(&mut self);
    /// SIGKILL, and its end.
    fn kill(&mut self);
    /// Sends it one command over a connection of its own.
    fn command(&self, words: &[&str]) -> redis::Value;

    /// Makes it stand still: connections stay open and nothing is answered.
    fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).expect("it runs");
    }

    /// Makes it go on.
    fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).expect("it runs");
    }
}
