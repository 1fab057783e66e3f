//! The identity of a connection's peer, from the kernel.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use tokio::net::UnixStream;

use crate::command::Caller;

/// The peer's credentials at the time it connected.
pub(super) fn peer(socket: &UnixStream) -> io::Result<Caller> {
    let credentials = socket.peer_cred()?;
    Ok(Caller {
        uid: credentials.uid(),
        gid: credentials.gid(),
        groups: peer_groups(socket)?,
        // A peer outside this process's PID namespace, in a container or on its host, has no PID
        // here.
        pid: credentials.pid().filter(|pid| *pid > 0),
    })
}

/// The peer's supplementary groups, by `SO_PEERGROUPS` of unix(7), for which no safe wrapper
/// exists.
#[allow(unsafe_code)]
fn peer_groups(socket: &impl AsFd) -> io::Result<Box<[u32]>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let room = groups.len() * size_of::<libc::gid_t>();
        let mut length = libc::socklen_t::try_from(room).map_err(io::Error::other)?;
        // SAFETY: the pointer and the length are those of a live, initialized buffer that
        // nothing else refers to; the descriptor is open as long as it is borrowed.
        let result = unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = length as usize / size_of::<libc::gid_t>();
        if result == 0 {
            groups.truncate(count);
            return Ok(groups.into_boxed_slice());
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_tells_who_is_at_the_other_end() {
        let (left, _right) = UnixStream::pair().expect("a socket pair");
        let caller = peer(&left).expect("credentials");
        assert_eq!(caller.uid, rustix::process::geteuid().as_raw());
        assert_eq!(caller.gid, rustix::process::getegid().as_raw());
        assert_eq!(caller.pid, i32::try_from(std::process::id()).ok());
        let own = rustix::process::getgroups().expect("groups");
        let mut own: Vec<_> = own.iter().map(|gid| gid.as_raw()).collect();
        let mut seen = caller.groups.to_vec();
        own.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, own);
    }
}
