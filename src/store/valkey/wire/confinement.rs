//! Finds out whether the sandbox of kvsock's own unit blocks the store. `IPAddressDeny=` drops the
//! packets of a TCP connection in silence, so that connecting only times out.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// The cause for replies and for the log: `IPAddressDeny=` blocks the store's address.
pub(crate) const BY_ADDRESS: &str =
    "blocked by the unit's IPAddressDeny=; see /usr/share/kvsock/remote-store.conf";

/// The cause where `socket` fails with EAFNOSUPPORT. It also fails so on a host without IPv6.
pub(crate) const BY_FAMILY: &str = "address family not supported, or blocked by the unit's \
    RestrictAddressFamilies=; see /usr/share/kvsock/local-store.conf";

/// The cause where the store's name cannot be looked up.
const NAME_SERVER: &str = "its name server is blocked by the unit's IPAddressDeny=; see \
    /usr/share/kvsock/remote-store.conf";

/// The longest time for a look-up. It delays the attempt to connect.
const LOOK_UP: Duration = Duration::from_millis(200);

/// The port of name servers.
const DOMAIN: u16 = 53;

/// The cause, if the sandbox blocks all addresses of the server. If the name is not found: the
/// cause, if the sandbox blocks all name servers.
pub(crate) async fn cause(host: &str, port: u16) -> Option<&'static str> {
    let server = (host.to_owned(), port);
    let look_up = tokio::task::spawn_blocking(move || {
        server.to_socket_addrs().ok().map(|found| of_all(BY_ADDRESS, found))
    });
    match tokio::time::timeout(LOOK_UP, look_up).await {
        Ok(Ok(Some(cause))) => cause,
        Ok(_) | Err(_) => of_all(NAME_SERVER, name_servers().into_iter()),
    }
}

/// The cause, if the sandbox blocks all `addresses`: `by_address`, or the address family. `None` if
/// one address is reachable, or if there is none.
fn of_all(
    by_address: &'static str,
    addresses: impl Iterator<Item = SocketAddr>,
) -> Option<&'static str> {
    let mut cause = None;
    for address in addresses {
        cause = match send(address).err()?.raw_os_error() {
            Some(libc::EPERM) => Some(by_address),
            Some(libc::EAFNOSUPPORT) => cause.or(Some(BY_FAMILY)),
            _ => return None,
        };
    }
    cause
}

/// Sends an empty datagram. The filter of `IPAddressDeny=` sees it, and its refusal is an error
/// here. Over IPv4 the datagram stays on the loopback interface, whatever the address. Over IPv6,
/// which accepts the address's own route only, its hop limit keeps it within the network.
fn send(address: SocketAddr) -> io::Result<usize> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    match address {
        SocketAddr::V4(_) => socket.bind_device(Some(b"lo"))?,
        SocketAddr::V6(_) => socket.set_unicast_hops_v6(1)?,
    }
    socket.send_to(&[], &address.into())
}

/// The name servers of resolv.conf(5). Without any, glibc asks this host.
fn name_servers() -> Vec<SocketAddr> {
    parsed(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

fn parsed(configuration: &str) -> Vec<SocketAddr> {
    let servers = configuration.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == "nameserver").then(|| words.next())?
    });
    // A scope id may follow the address.
    let address = |server: &str| server.split('%').next()?.parse::<IpAddr>().ok();
    servers.filter_map(address).map(|address| SocketAddr::new(address, DOMAIN)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_ordinary_process_is_not_blocked() {
        for host in ["127.0.0.1", "192.0.2.1", "::1", "no such host"] {
            assert_eq!(cause(host, 6379).await, None, "{host}");
        }
    }

    #[test]
    fn name_servers_are_those_of_the_resolvers_configuration() {
        let configuration = "# nameserver 192.0.2.9\nsearch example.org\nnameserver\t192.0.2.53 # it\n\
            nameserver fe80::1%eth0\n nameserver 2001:db8::53\nnameserver nonsense\nnameserver\n";
        let found: Vec<_> = parsed(configuration).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.53:53", "[fe80::1]:53", "[2001:db8::53]:53"]);
        assert_eq!(parsed(""), []);
    }
}
