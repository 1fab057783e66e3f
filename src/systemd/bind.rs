//! A listener of our own, for a daemon that was not activated.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use socket2::{Domain, SockAddr, Socket, Type};

use super::listen::ListenError;

/// Connections that may wait to be taken, where we bind the socket. The kernel bounds it further
/// by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// Only the socket's own user may connect.
const SOCKET_MODE: u32 = 0o600;
/// A socket that this process bound; it and its lock are removed when this is dropped.
#[derive(Debug)]
pub struct Bound {
    path: PathBuf,
    identity: (u64, u64),
    lock_path: PathBuf,
    _lock: File,
}

/// Binds `path`, readable and writable by this user alone. Replaces a stale socket of this user;
/// never a live one.
pub fn bind(path: &Path) -> Result<(UnixListener, Bound), ListenError> {
    let at = |source| ListenError::Io { path: path.to_owned(), source };
    let (lock_path, lock) = lock(path)?;
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(at)?;
    // On Linux the file that bind makes has the mode of the socket: it is never open to others.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(SOCKET_MODE))
        .map_err(|error| at(error.into()))?;
    socket.bind(&SockAddr::unix(path).map_err(at)?).map_err(at)?;
    socket.listen(BACKLOG).map_err(at)?;
    socket.set_nonblocking(true).map_err(at)?;
    let identity = identity(path).map_err(at)?;
    let listener = UnixListener::from(OwnedFd::from(socket));
    Ok((listener, Bound { path: path.to_owned(), identity, lock_path, _lock: lock }))
}

/// Locks the file beside the socket, which one daemon at a time can.
fn lock(socket: &Path) -> Result<(PathBuf, File), ListenError> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let at = |source| ListenError::Io { path: path.clone(), source };
    loop {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(SOCKET_MODE))
            .map_err(|error| at(error.into()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(ListenError::InUse(socket.to_owned()));
            }
            Err(error) => return Err(at(error.into())),
        }
        let file = File::from(file);
        // The daemon before us may have removed the file between our open and our lock.
        let ours = file.metadata().map_err(at)?;
        if identity(&path).is_ok_and(|found| found == (ours.dev(), ours.ino())) {
            return Ok((path, file));
        }
    }
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let at = |source| ListenError::Io { path: path.to_owned(), source };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(error)),
    };
    let own_uid = rustix::process::geteuid().as_raw();
    if !found.file_type().is_socket() || found.uid() != own_uid {
        return Err(ListenError::Occupied(path.to_owned()));
    }
    match probe(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(at)
        }
        // A full queue, EAGAIN, is a live daemon too.
        _ => Err(ListenError::InUse(path.to_owned())),
    }
}

/// Tries to connect, without waiting in a full queue.
fn probe(path: &Path) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(UnixStream::from(OwnedFd::from(socket)))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Drop for Bound {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
        let _ = fs::remove_file(&self.lock_path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    #[test]
    fn our_own_socket_is_for_its_user_alone_and_goes_with_the_daemon() {
        let directory = directory();
        let path = directory.path().join("s");
        let (_listener, bound) = bind(&path).expect("bound");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, SOCKET_MODE);
        UnixStream::connect(&path).expect("it listens");
        drop(bound);
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let directory = directory();
        let path = directory.path().join("s");
        drop(UnixListener::bind(&path).expect("bound"));
        let (_listener, _bound) = bind(&path).expect("bound again");
        UnixStream::connect(&path).expect("it listens");
    }

    #[test]
    fn a_live_socket_is_not_taken_over_even_when_its_queue_is_full() {
        let directory = directory();
        let path = directory.path().join("s");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        socket.bind(&SockAddr::unix(&path).expect("short")).expect("bound");
        socket.listen(0).expect("listening");
        for _ in 0..3 {
            assert!(matches!(bind(&path), Err(ListenError::InUse(_))));
        }
        // The queue is full by now: connecting would wait.
        let queued = std::iter::repeat_with(|| probe(&path)).take(5).collect::<Vec<_>>();
        assert!(queued.iter().any(Result::is_err));
        assert!(matches!(bind(&path), Err(ListenError::InUse(_))));
    }

    #[test]
    fn a_second_daemon_is_refused_by_the_lock() {
        let directory = directory();
        let path = directory.path().join("s");
        let (_listener, _bound) = bind(&path).expect("bound");
        fs::remove_file(&path).expect("somebody removed the socket");
        assert!(matches!(bind(&path), Err(ListenError::InUse(_))));
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let directory = directory();
        let path = directory.path().join("s");
        fs::write(&path, "precious").expect("written");
        assert!(matches!(bind(&path), Err(ListenError::Occupied(_))));
        assert_eq!(fs::read(&path).expect("there"), b"precious");
    }
}
