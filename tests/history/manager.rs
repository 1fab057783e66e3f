//! The service manager of the daemon under test: holds its socket, and across a restart the
//! descriptors that it leaves. The same under systemd itself is in `under_systemd.rs`.

use std::fmt::Write;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, Signal};

use crate::support::daemon::{Daemon, PATIENCE};
use crate::support::role::Kvsock;

/// Descriptors from here on are the daemon's to be.
const HIGH: i32 = 500;

/// What ends connections: each such fault counts when it begins, and again when it is over.
#[derive(Debug, Default)]
pub(crate) struct Interruptions(AtomicU64);

impl Interruptions {
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Whether there was one since the count was `before`, or was one just then.
    pub(crate) fn are_there_since(&self, before: u64) -> bool {
        before % 2 == 1 || self.now() != before
    }

    pub(crate) fn during(&self, fault: impl FnOnce()) {
        self.0.fetch_add(1, Ordering::SeqCst);
        fault();
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(crate) struct Manager {
    /// Its settings and its directory; started from here.
    daemon: Daemon,
    listener: UnixListener,
    stored: Arc<Mutex<Vec<OwnedFd>>>,
    ready: Receiver<()>,
    child: Option<Child>,
}

impl Manager {
    /// Listens for the daemon, and starts it.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Manager {
        let mut daemon = Daemon::stopped(settings);
        let listener = UnixListener::bind(daemon.socket()).expect("a socket");
        let path = daemon.dir().join("notify");
        let notify = UnixDatagram::bind(&path).expect("a socket");
        daemon.also([("NOTIFY_SOCKET", path.to_str().expect("UTF-8"))]);
        let stored = Arc::default();
        let (sender, ready) = channel();
        let storing = Arc::clone(&stored);
        std::thread::spawn(move || while hear(&notify, &storing, &sender) {});
        let mut manager = Manager { daemon, listener, stored, ready, child: None };
        manager.launch();
        manager
    }

    fn terminate(&mut self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "SIGTERM is no failure: {status:?}");
    }

    fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                return status;
            }
            if Instant::now() > end {
                let _ = child.kill();
                panic!("kvsockd does not end");
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

impl Kvsock for Manager {
    fn socket(&self) -> PathBuf {
        self.daemon.socket()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    /// Clients need not wait for that: they wait at the socket.
    fn launch(&mut self) {
        let stored = self.stored.lock().expect("no thread panicked");
        let mut passed: Vec<OwnedFd> = Vec::new();
        let mut moves = String::new();
        let fds = std::iter::once(self.listener.as_fd()).chain(stored.iter().map(AsFd::as_fd));
        for (number, fd) in fds.enumerate() {
            let fd = rustix::io::fcntl_dupfd_cloexec(fd, HIGH).expect("a descriptor");
            fcntl_setfd(&fd, FdFlags::empty()).expect("a descriptor");
            let _ = write!(moves, " {}<&{}-", 3 + number, fd.as_raw_fd());
            passed.push(fd);
        }
        drop(stored);
        let names = ["kvsock.socket", "kvsock-handover", "kvsock-handover"];
        assert!(passed.len() <= names.len(), "{} descriptors", passed.len());
        let names = names[..passed.len()].join(":");
        let daemon = self.daemon.command();
        let mut shell = Command::new("bash");
        shell
            .args(["-c", &format!("LISTEN_PID=$$ exec \"$0\" {moves}")])
            .arg(daemon.get_program())
            .env_clear()
            .envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("LISTEN_FDS", passed.len().to_string())
            .env("LISTEN_FDNAMES", names);
        self.child = Some(shell.spawn().expect("bash"));
        drop(passed);
        self.ready.recv_timeout(PATIENCE).expect("kvsockd is ready");
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// As `systemctl stop` does: what the daemon left is closed.
    fn stop(&mut self) {
        self.terminate();
        self.stored.lock().expect("no thread panicked").clear();
    }

    /// As `systemctl restart` does.
    fn restart(&mut self) {
        self.terminate();
        self.launch();
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Takes one notification; false when there will be no more.
fn hear(notify: &UnixDatagram, stored: &Mutex<Vec<OwnedFd>>, ready: &Sender<()>) -> bool {
    let mut text = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(&mut text)];
    let received = recvmsg(notify, &mut room, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
    let Ok(received) = received else { return false };
    let fds: Vec<OwnedFd> = ancillary
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<_>>(),
            _ => Vec::new(),
        })
        .collect();
    let text = String::from_utf8_lossy(&text[..received.bytes]).into_owned();
    for line in text.lines() {
        match line {
            "READY=1" => return ready.send(()).is_ok(),
            "FDSTORE=1" => {
                stored.lock().expect("no thread panicked").extend(fds);
                return true;
            }
            "FDSTOREREMOVE=1" => stored.lock().expect("no thread panicked").clear(),
            // A barrier is told that everything before it was read by its end being closed.
            _ => {}
        }
    }
    true
}
