//! The address of a master that sentinels name: `valkey-sentinel://h1:p1,h2:p2/name/db`.

use std::fmt;

use super::error::LocationError;
use super::server::{Server, Transport};
use crate::store::secret::Secret;

/// The port of a sentinel when the URL names none.
const PORT: u16 = 26379;

/// The sentinels of a Valkey or Redis master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinels {
    /// The sentinels' addresses: all by TCP, or all by TLS. The master is connected to in the same
    /// way.
    pub sentinels: Vec<Transport>,
    /// The master's name.
    pub master: String,
    /// The database to select.
    pub db: i64,
    /// The user from the URL, for the master, and for sentinels that want one.
    pub username: Option<Secret>,
    /// The password from the URL, for the master, and for sentinels that want one.
    pub password: Option<Secret>,
}

impl Sentinels {
    /// Parses the URL: a server's URL, with more hosts after commas and a name before the database.
    pub(super) fn parse(text: &str, tls: bool) -> Result<Sentinels, LocationError> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let (authority, end) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (format!("{login}@"), hosts),
            None => (String::new(), authority),
        };
        let path = end.strip_prefix('/').unwrap_or_default();
        let (master, end) = path.split_at(path.find(['/', '?', '#']).unwrap_or(path.len()));
        let server =
            |host| Server::parse_with(&format!("{scheme}://{login}{host}{end}"), tls, PORT);
        let servers = hosts.split(',').map(server).collect::<Result<Vec<Server>, _>>()?;
        let master = name_of_master(master)?;
        let mut found =
            Sentinels { sentinels: Vec::new(), master, db: 0, username: None, password: None };
        for Server { transport, db, username, password } in servers {
            if transport.host().is_some_and(|host| host.contains(',')) {
                return Err(LocationError::Host);
            }
            found.sentinels.push(transport);
            (found.db, found.username, found.password) = (db, username, password);
        }
        Ok(found)
    }

    /// Whether the connections use TLS.
    pub fn is_encrypted(&self) -> bool {
        self.sentinels.iter().any(|it| matches!(it, Transport::Tls { .. }))
    }
}

/// Accepts the characters that Valkey's `sentinel.conf` allows in a name. So a name is never a part
/// of a password with a slash, before an at sign.
fn name_of_master(text: &str) -> Result<String, LocationError> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match text {
        "" => Err(LocationError::Missing("the name of the master after the sentinels")),
        text if text.bytes().all(is_of_name) => Ok(text.to_owned()),
        _ => Err(LocationError::MasterName),
    }
}

/// The URL without user and password, safe for logs and replies.
impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_encrypted() {
            "valkeys-sentinel://"
        } else {
            "valkey-sentinel://"
        })?;
        for (number, sentinel) in self.sentinels.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{}", sentinel.place())?;
        }
        write!(f, "/{}/{}", self.master, self.db)
    }
}
