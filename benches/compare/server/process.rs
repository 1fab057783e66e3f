//! A process on a Unix socket in a directory of its own. Both go when it is dropped.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use tempfile::TempDir;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Not started yet.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Place {
        Place(tempfile::Builder::new().prefix("kvsock-").tempdir().expect("a directory"))
    }

    pub(super) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.path().join("s")
    }

    /// Starts what listens there, and waits until it does.
    pub(super) fn start(self, command: &mut Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut process = Process { child, place: self };
        let end = Instant::now() + PATIENCE;
        while let Err(error) = UnixStream::connect(process.place.socket()) {
            let ended = process.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            assert!(Instant::now() < end, "{command:?} does not listen: {error}");
            std::thread::sleep(Duration::from_millis(2));
        }
        process
    }
}

/// Running.
pub(super) struct Process {
    child: Child,
    place: Place,
}

impl Process {
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.place.socket()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
