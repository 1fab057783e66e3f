//! The address of a cluster: some of its nodes, `valkey-cluster://h1:p1,h2:p2`.

use std::fmt;

use super::error::LocationError;
use super::server::{Server, Transport};
use crate::store::secret::Secret;

/// Some nodes of a Valkey or Redis cluster. Any of them knows the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The nodes' addresses: all by TCP, or all by TLS.
    pub seeds: Vec<Transport>,
    /// The user from the URL, for all nodes.
    pub username: Option<Secret>,
    /// The password from the URL, for all nodes.
    pub password: Option<Secret>,
}

impl Cluster {
    /// Parses the URL of a cluster: a server's URL, with more hosts after commas.
    pub(super) fn parse(text: &str, tls: bool) -> Result<Cluster, LocationError> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let (authority, end) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (format!("{login}@"), hosts),
            None => (String::new(), authority),
        };
        let server = |host| Server::parse(&format!("{scheme}://{login}{host}{end}"), tls);
        let servers = hosts.split(',').map(server).collect::<Result<Vec<Server>, _>>()?;
        if servers.iter().any(|server| server.db != 0) {
            return Err(LocationError::ClusterDatabase);
        }
        let mut cluster = Cluster { seeds: Vec::new(), username: None, password: None };
        for Server { transport, username, password, .. } in servers {
            if matches!(&transport, Transport::Tcp { host, .. } | Transport::Tls { host, .. }
                if host.contains(','))
            {
                return Err(LocationError::Host);
            }
            cluster.seeds.push(transport);
            (cluster.username, cluster.password) = (username, password);
        }
        Ok(cluster)
    }

    /// Whether the connections use TLS.
    pub fn is_encrypted(&self) -> bool {
        self.seeds.iter().any(|seed| matches!(seed, Transport::Tls { .. }))
    }
}

/// The URL without user and password, safe for logs and replies.
impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_encrypted() { "valkeys-cluster://" } else { "valkey-cluster://" })?;
        for (number, seed) in self.seeds.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            match seed {
                Transport::Tcp { host, port } | Transport::Tls { host, port }
                    if host.contains(':') =>
                {
                    write!(f, "{comma}[{host}]:{port}")?;
                }
                Transport::Tcp { host, port } | Transport::Tls { host, port } => {
                    write!(f, "{comma}{host}:{port}")?;
                }
                Transport::Unix { .. } => {}
            }
        }
        Ok(())
    }
}
