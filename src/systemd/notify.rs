//! Notifications to the service manager, sent from a thread of their own: its socket blocks when
//! the manager is busy, and nobody may wait for it.

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType,
};
use sd_notify::NotifyState;

/// Notifications that may wait; more than the daemon ever has to say at once.
const QUEUE: usize = 64;
/// Descriptors of one notification.
const MOST_FDS: usize = 2;

/// Speaks to the service manager, or to nobody where there is none.
#[derive(Debug)]
pub struct Notifier {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    watchdog: Option<Duration>,
}

/// A notification, and the descriptors that go with it.
#[derive(Debug)]
struct Message {
    text: String,
    fds: Vec<OwnedFd>,
}

/// The way to the service manager. One socket for the whole life: a process that is short of
/// descriptors must go on to give signs of life, or its watchdog ends it.
#[derive(Debug)]
struct Line {
    socket: OwnedFd,
    /// Of each message anew, since the manager may be started again.
    manager: SocketAddrUnix,
}

impl Line {
    fn open(manager: SocketAddrUnix) -> io::Result<Line> {
        let (family, flags) = (AddressFamily::UNIX, SocketFlags::CLOEXEC);
        let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
        Ok(Line { socket, manager })
    }

    fn send(&self, Message { text, fds }: &Message) -> io::Result<()> {
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::Error::other("too many descriptors"));
        }
        let text = [IoSlice::new(text.as_bytes())];
        let flags = SendFlags::NOSIGNAL;
        rustix::net::sendmsg_addr(&self.socket, &self.manager, &text, &mut ancillary, flags)?;
        Ok(())
    }
}

/// What `NOTIFY_SOCKET` names: a path, or a name that begins with `@`. There are managers of
/// virtual machines that name something else.
fn address(name: &OsStr) -> Option<SocketAddrUnix> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name).ok(),
        [b'/', ..] => SocketAddrUnix::new(name).ok(),
        _ => None,
    }
}

impl Notifier {
    /// Speaks to the manager named in the environment.
    pub fn from_env() -> std::io::Result<Notifier> {
        let Some(manager) = std::env::var_os("NOTIFY_SOCKET").and_then(|name| address(&name))
        else {
            return Ok(Notifier { sender: None, thread: None, watchdog: None });
        };
        let line = Line::open(manager)?;
        let (sender, receiver) = sync_channel::<Message>(QUEUE);
        let thread = std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
            for message in receiver {
                // There is nobody to tell: where the manager cannot be reached, its watchdog or
                // its start time-out says so.
                let _ = line.send(&message);
            }
        })?;
        let watchdog = sd_notify::watchdog_enabled();
        Ok(Notifier { sender: Some(sender), thread: Some(thread), watchdog })
    }

    /// How often the manager wants to hear [`Notifier::alive`] at least.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.sender.is_some()
    }

    /// `READY=1`: clients are answered from now on; also the end of a reload.
    pub fn ready(&self, status: &str) {
        self.send(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
    }

    /// `STATUS=`, one line for people.
    pub fn status(&self, status: &str) {
        self.send(&[NotifyState::Status(&one_line(status))]);
    }

    /// `WATCHDOG=1`: the serving loop turns. Call it from there.
    pub fn alive(&self) {
        self.send(&[NotifyState::Watchdog]);
    }

    /// `RELOADING=1`, with the time that systemd wants with it.
    pub fn reloading(&self) {
        let mut state = vec![NotifyState::Reloading];
        state.extend(NotifyState::monotonic_usec_now().ok());
        self.send(&state);
    }

    /// `STOPPING=1`, and that it may take as long as `limit`, if there is one.
    pub fn stopping(&self, limit: Duration) {
        let mut state = vec![NotifyState::Stopping];
        if let Ok(usec @ 1..) = u32::try_from(limit.as_micros()) {
            state.push(NotifyState::ExtendTimeoutUsec(usec));
        }
        self.send(&state);
    }

    /// `ERRNO=`, why the daemon ends.
    pub fn failed(&self, errno: i32, status: &str) {
        let errno = u32::try_from(errno).unwrap_or(0);
        self.send(&[NotifyState::Errno(errno), NotifyState::Status(&one_line(status))]);
    }

    /// `FDSTORE=1`: leaves `fds` with the manager, which gives them to the next daemon under `name`
    /// if there is a restart, and closes them otherwise. Waits for at most `limit` until it has
    /// them; false if it has not said so by then.
    pub fn store(&self, fds: Vec<OwnedFd>, name: &str, limit: Duration) -> io::Result<bool> {
        let Some(sender) = &self.sender else { return Ok(false) };
        // The manager closes the other end when it has read everything before it, see
        // sd_notify_barrier(3).
        let (seen, barrier) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let states = [NotifyState::FdStore, NotifyState::FdName(name)];
        let sent = sender.send(Message { text: text(&states), fds }).and_then(|()| {
            sender.send(Message { text: "BARRIER=1".to_owned(), fds: vec![barrier] })
        });
        sent.map_err(io::Error::other)?;
        let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
        Ok(poll(&mut [PollFd::new(&seen, PollFlags::HUP)], Some(&limit))? > 0)
    }

    /// `FDSTOREREMOVE=1`: what was left under `name` has been taken.
    pub fn remove_stored(&self, name: &str) {
        self.send(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
    }

    /// Lets what waits be sent, for at most `limit`.
    pub fn finish(mut self, limit: Duration) {
        drop(self.sender.take());
        let Some(thread) = self.thread.take() else { return };
        let end = Instant::now() + limit;
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn send(&self, states: &[NotifyState<'_>]) {
        let Some(sender) = &self.sender else { return };
        match sender.try_send(Message { text: text(states), fds: Vec::new() }) {
            // A manager that does not read for so long gets the next notification.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

fn text(states: &[NotifyState<'_>]) -> String {
    let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A line end would begin another assignment.
fn one_line(status: &str) -> String {
    status.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::*;

    #[test]
    fn a_manager_is_reached_by_path_and_by_name_and_again_when_it_is_started_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let name = format!("kvsock-notify-{}", std::process::id());
        let by_name = SocketAddr::from_abstract_name(&name).expect("a name");
        let by_path = SocketAddr::from_pathname(&path).expect("a path");
        for (bound, text) in
            [(by_path, path.into_os_string()), (by_name, format!("@{name}").into())]
        {
            let line = Line::open(address(&text).expect("an address")).expect("a socket");
            for word in ["READY=1", "STOPPING=1"] {
                if let Some(path) = bound.as_pathname() {
                    let _ = std::fs::remove_file(path);
                }
                let manager = UnixDatagram::bind_addr(&bound).expect("bound");
                line.send(&Message { text: word.to_owned(), fds: Vec::new() }).expect("sent");
                let mut found = [0; 32];
                let length = manager.recv(&mut found).expect("received");
                assert_eq!(&found[..length], word.as_bytes());
            }
        }
        assert!(address(OsStr::new("vsock:2:1234")).is_none());
    }
}
