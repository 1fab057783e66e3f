//! Whether the unit's own confinement keeps the daemon from its store. `IPAddressDeny=` says
//! nothing to a connection that it stops: the connection merely is never made.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// In the words of replies and of the log.
pub(super) const BY_ADDRESS: &str =
    "blocked by the unit's IPAddressDeny=; see /usr/share/kvsock/remote-store.conf";

/// The same for `socket` that fails with EAFNOSUPPORT, as it also does where there is no IPv6.
pub(super) const BY_FAMILY: &str = "address family not supported, or blocked by the unit's \
    RestrictAddressFamilies=; see /usr/share/kvsock/local-store.conf";

/// How long a name may take that was looked up a moment ago; it delays an attempt to connect.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Whether every address of a server that did not answer is one that this process may not send to.
pub(super) async fn is_blocked(host: &str, port: u16) -> bool {
    let server = (host.to_owned(), port);
    let look_up = tokio::task::spawn_blocking(move || {
        server.to_socket_addrs().is_ok_and(|mut found| found.len() > 0 && found.all(is_denied))
    });
    tokio::time::timeout(LOOK_UP, look_up).await.is_ok_and(|joined| joined.unwrap_or(false))
}

/// Sends an empty datagram on the loopback interface, which it does not leave, whatever its
/// address: the filter of `IPAddressDeny=` sees it all the same, and here it makes an error.
fn is_denied(address: SocketAddr) -> bool {
    let sent = || -> io::Result<usize> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        socket.bind_device(Some(b"lo"))?;
        socket.send_to(&[], &address.into())
    };
    sent().is_err_and(|error| error.raw_os_error() == Some(libc::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_ordinary_process_is_not_blocked() {
        assert!(!is_blocked("127.0.0.1", 6379).await);
        assert!(!is_blocked("192.0.2.1", 6379).await);
        assert!(!is_blocked("no such host", 6379).await);
    }
}
