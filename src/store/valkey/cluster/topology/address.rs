//! The address of a node, as the nodes announce it.

use std::fmt;

use crate::message::Reply;
use crate::store::location::Transport;

/// A node's host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// A name or an address, IPv6 without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

impl Address {
    /// The address of a transport over the network.
    pub(crate) fn of(transport: &Transport) -> Option<Address> {
        match transport {
            Transport::Tcp { host, port } | Transport::Tls { host, port } => {
                Some(Address { host: host.clone(), port: *port })
            }
            Transport::Unix { .. } => None,
        }
    }

    /// Parses `host:port`, as in a redirection. An empty host is that of `teller`.
    pub(crate) fn parse(text: &str, teller: &Address) -> Option<Address> {
        let (host, port) = text.rsplit_once(':')?;
        Address::with(host, port.parse().ok()?, teller)
    }

    /// Reads a node's entry in the reply to CLUSTER SLOTS: host, port, and more.
    pub(crate) fn told(fields: &[Reply], teller: &Address) -> Option<Address> {
        let [host, Reply::Integer(port), ..] = fields else { return None };
        let host = match host {
            Reply::Value(host) => std::str::from_utf8(host).ok()?,
            Reply::Nil => "",
            _ => return None,
        };
        Address::with(host, u16::try_from(*port).ok()?, teller)
    }

    fn with(host: &str, port: u16, teller: &Address) -> Option<Address> {
        let host = match host {
            // The node should announce a name, but has none (`cluster-announce-hostname`).
            "?" => return None,
            "" => teller.host.clone(),
            host => host.to_owned(),
        };
        Some(Address { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_left_out_is_the_tellers() {
        let teller = Address { host: "teller".to_owned(), port: 1 };
        let shown = |text| Address::parse(text, &teller).map(|address| address.to_string());
        assert_eq!(shown("10.0.0.1:7000").as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(shown("::1:7000").as_deref(), Some("[::1]:7000"));
        assert_eq!(shown(":7000").as_deref(), Some("teller:7000"));
        assert_eq!([shown("?:7000"), shown("host"), shown("host:x")], [None, None, None]);
        let fields = [Reply::Nil, Reply::Integer(7)];
        assert_eq!(
            Address::told(&fields, &teller).map(|it| it.to_string()).as_deref(),
            Some("teller:7")
        );
        assert_eq!(Address::told(&fields[..1], &teller), None);
    }
}
