//! Listeners that systemd hands over, see `sd_listen_fds(3)`.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use listenfd::ListenFd;
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{Domain, SockRef, Type};

/// How systemd's own names of sockets end, where a unit gives none.
const UNIT_SUFFIX: &str = ".socket";
/// What listenfd's callers say where no names came along.
const UNNAMED: &str = "unknown";

/// Why there is nothing to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A descriptor is no socket we can serve.
    #[error("descriptor {fd} ({name}) is not a listening Unix stream socket: {found}")]
    Kind {
        /// Its number.
        fd: RawFd,
        /// Its name in `LISTEN_FDNAMES`.
        name: String,
        /// What it is.
        found: String,
    },
    /// A daemon serves this path already.
    #[error("socket {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// What is at the path is not ours to replace.
    #[error("{} exists and is not a stale socket of this user", .0.display())]
    Occupied(PathBuf),
    /// The system refused.
    #[error("socket {}: {source}", path.display())]
    Io {
        /// What was tried to be bound, or the descriptor's path below /proc.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The name of descriptors that wait with systemd for the next daemon.
pub const STORED: &str = "kvsock-handover";

/// What systemd handed over.
#[derive(Debug, Default)]
pub struct Activated {
    /// Sockets to serve, which do not block.
    pub listeners: Vec<UnixListener>,
    /// What the daemon before this one left with systemd under [`STORED`].
    pub stored: Vec<OwnedFd>,
    /// Descriptors that were closed, for they are of no use to this version; by name.
    pub closed: Vec<String>,
    /// What is wrong with one of them. The others are as usable as ever.
    pub fault: Option<ListenError>,
}

/// Whether something waits to be taken from one of `sockets`: a connection from a listener, or what
/// the daemon before left.
pub fn is_awaited(sockets: &[impl AsFd]) -> bool {
    let mut asked: Vec<PollFd<'_>> =
        sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
    // Where that cannot be told, something is taken to be there.
    rustix::event::poll(&mut asked, Some(&Timespec::default())).map_or(true, |count| count > 0)
}

/// Takes the sockets of `sd_listen_fds(3)`; none, when not activated. The first call takes them
/// all. Call it before threads are started, for it changes the environment.
pub fn activated() -> Activated {
    // listenfd takes only the numbers; the names must be read before it clears the variables.
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut fds = ListenFd::from_env();
    let mut activated = Activated::default();
    for index in 0..fds.len() {
        let name = names.get(index).copied().filter(|name| !name.is_empty()).unwrap_or(UNNAMED);
        let taken = fds.take_unix_listener(index);
        let fd = match taken {
            Ok(Some(listener)) => Ok(OwnedFd::from(listener)),
            Ok(None) => continue,
            Err(error) => match fds.take_raw_fd(index) {
                Ok(Some(fd)) => own(fd).ok_or((fd, error)),
                _ => continue,
            },
        };
        let fd = fd.map_err(|(fd, error)| ListenError::Kind {
            fd,
            name: name.to_owned(),
            found: error.to_string(),
        });
        match fd {
            Ok(fd) if name == STORED => activated.stored.push(fd),
            fd => match fd.and_then(|fd| sort(fd, name)) {
                Ok(Some(listener)) => activated.listeners.push(listener),
                Ok(None) => activated.closed.push(name.to_owned()),
                Err(fault) => activated.fault = activated.fault.or(Some(fault)),
            },
        }
    }
    activated
}

/// A descriptor that systemd passed and listenfd gave away, if it is open at all.
#[allow(unsafe_code)]
fn own(fd: RawFd) -> Option<OwnedFd> {
    fs::symlink_metadata(format!("/proc/self/fd/{fd}")).ok()?;
    // SAFETY: the descriptor is open, and it is nobody else's: systemd passed it to this process
    // and `ListenFd` gives each away once.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A listener we can serve, or `None` for a descriptor of another version's to be closed.
fn sort(fd: OwnedFd, name: &str) -> Result<Option<UnixListener>, ListenError> {
    let number = fd.as_raw_fd();
    let wrong = |found: String| ListenError::Kind { fd: number, name: name.to_owned(), found };
    let socket = SockRef::from(&fd);
    let listens = socket.is_listener().unwrap_or(false);
    if !listens {
        let expected = name == UNNAMED || name.ends_with(UNIT_SUFFIX);
        return if expected { Err(wrong("it does not listen".to_owned())) } else { Ok(None) };
    }
    let (domain, kind) = (socket.domain(), socket.r#type());
    match (domain, kind) {
        (Ok(Domain::UNIX), Ok(Type::STREAM)) => {}
        (domain, kind) => return Err(wrong(format!("it is {domain:?}, {kind:?}"))),
    }
    let listener = UnixListener::from(fd);
    listener.set_nonblocking(true).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(listener))
}
