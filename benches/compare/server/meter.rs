//! What processes cost: processor time to the nanosecond, all threads together, and memory.

use std::fs;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use rustix::process::Pid;

use crate::sample::Cost;

/// Looks at a server, and at the Valkey behind it where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    pub(crate) server: Pid,
    pub(crate) store: Option<Pid>,
}

impl Meter {
    /// Does something, and tells what it cost them.
    pub(crate) fn measure<T>(self, work: impl FnOnce() -> T) -> (T, Cost) {
        let (server, store) = (time(self.server), self.store.map(time));
        let done = work();
        let server = time(self.server).saturating_sub(server);
        let store = self
            .store
            .map(time)
            .zip(store)
            .map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
        (done, Cost { server, together: server + store, resident: self.resident() })
    }

    /// Resident memory of the server, in bytes.
    pub(crate) fn resident(self) -> u64 {
        let path = format!("/proc/{}/status", self.server.as_raw_nonzero());
        let status = fs::read_to_string(path).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let kib = line.trim_end_matches("kB").trim();
        1024 * kib.parse::<u64>().expect("a number")
    }
}

/// Processor time of a process since it began.
fn time(process: Pid) -> Duration {
    let process = nix::unistd::Pid::from_raw(process.as_raw_nonzero().get());
    let clock = clock_getcpuclockid(process).expect("it runs");
    clock.now().expect("it runs").into()
}
