//! The address of one server: `valkey://`, `valkeys://` and `valkey+unix://`.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use super::error::{LocationError, SOCKET_PATH};
use crate::store::secret::Secret;

/// The port of a Valkey server when the URL names none.
const PORT: u16 = 6379;

/// Characters of a path that have another meaning in a URL.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// A Valkey or Redis server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The transport and the address.
    pub transport: Transport,
    /// The database to select.
    pub db: i64,
    /// The user from the URL.
    pub username: Option<Secret>,
    /// The password from the URL.
    pub password: Option<Secret>,
}

/// A transport, with the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// A name or an address, IPv6 without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// TLS over TCP.
    Tls {
        /// A name or an address, IPv6 without brackets. The certificate must be for it.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix stream socket.
    Unix {
        /// Its path.
        path: PathBuf,
    },
}

impl Transport {
    /// The host's name or address; `None` on a Unix socket.
    pub fn host(&self) -> Option<&str> {
        match self {
            Transport::Tcp { host, .. } | Transport::Tls { host, .. } => Some(host),
            Transport::Unix { .. } => None,
        }
    }

    /// The port; `None` on a Unix socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            Transport::Tcp { port, .. } | Transport::Tls { port, .. } => Some(*port),
            Transport::Unix { .. } => None,
        }
    }

    /// Host and port as in a URL, or the path.
    pub fn place(&self) -> String {
        match self {
            Transport::Tcp { host, port } | Transport::Tls { host, port } if host.contains(':') => {
                format!("[{host}]:{port}")
            }
            Transport::Tcp { host, port } | Transport::Tls { host, port } => {
                format!("{host}:{port}")
            }
            Transport::Unix { path } => path.display().to_string(),
        }
    }
}

impl Server {
    /// Parses the URL of a server on the network.
    pub(super) fn parse(text: &str, tls: bool) -> Result<Server, LocationError> {
        Server::parse_with(text, tls, PORT)
    }

    /// As [`Server::parse`], with another default port.
    pub(super) fn parse_with(text: &str, tls: bool, port: u16) -> Result<Server, LocationError> {
        let url = parse_url(text)?;
        let host = match url.host() {
            Some(url::Host::Domain(name)) if !name.is_empty() => name_of_host(name)?,
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            _ => return Err(LocationError::Missing("the host")),
        };
        if url.query().is_some() {
            return Err(LocationError::Surplus("what follows \"?\""));
        }
        if url.fragment().is_some() {
            return Err(LocationError::Surplus("what follows \"#\""));
        }
        let port = url.port().unwrap_or(port);
        let transport =
            if tls { Transport::Tls { host, port } } else { Transport::Tcp { host, port } };
        Ok(Server {
            transport,
            db: database(url.path().trim_start_matches('/'))?,
            username: username(&url)?,
            password: url.password().map(decode).transpose()?.map(Secret::new),
        })
    }

    /// Parses the URL of a server on a Unix socket.
    pub(super) fn parse_unix(text: &str) -> Result<Server, LocationError> {
        let url = parse_url(text)?;
        if url.host_str().is_some_and(|host| !host.is_empty()) {
            return Err(LocationError::Surplus("a host (write three slashes before the path)"));
        }
        if url.path().is_empty() || url.path() == "/" {
            return Err(LocationError::Missing("the path"));
        }
        let (mut db, mut user, mut password) = (0, username(&url)?, None);
        if let Some(text) = url.password() {
            password = Some(Secret::new(decode(text)?));
        }
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "db" => db = database(&value)?,
                "user" => user = Some(Secret::new(value)),
                "pass" => password = Some(Secret::new(value)),
                _ => return Err(LocationError::Surplus("a query other than db, user and pass")),
            }
        }
        // An encoded slash could hide a segment of dots, which is another path when it is shown.
        if url.path().to_ascii_lowercase().contains("%2f") {
            return Err(LocationError::Surplus("\"%2F\""));
        }
        let path = decode(url.path())?;
        if path.contains('\0') || path.len() > SOCKET_PATH {
            return Err(LocationError::SocketPath);
        }
        Ok(Server {
            transport: Transport::Unix { path: PathBuf::from(path) },
            db,
            username: user,
            password,
        })
    }
}

fn parse_url(text: &str) -> Result<Url, LocationError> {
    Url::parse(text).map_err(|error| LocationError::Malformed(error.to_string()))
}

fn username(url: &Url) -> Result<Option<Secret>, LocationError> {
    match url.username() {
        "" => Ok(None),
        name => Ok(Some(Secret::new(decode(name)?))),
    }
}

fn name_of_host(text: &str) -> Result<String, LocationError> {
    let name = decode(text)?;
    let is_surplus = |character: char| {
        character.is_control() || character.is_whitespace() || r"/:?#@[]\%<>^|".contains(character)
    };
    if name.contains(is_surplus) { Err(LocationError::Host) } else { Ok(name) }
}

fn database(text: &str) -> Result<i64, LocationError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse::<i64>().ok().filter(|db| *db >= 0).ok_or(LocationError::Database)
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String, LocationError> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| LocationError::Malformed("percent-encoded bytes are not UTF-8".to_owned()))
}

/// The URL without user and password, safe for logs and replies.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match &self.transport {
            Transport::Unix { path } => {
                let path = path.to_string_lossy();
                let path = utf8_percent_encode(&path, NOT_IN_PATH);
                return write!(f, "valkey+unix://{path}?db={}", self.db);
            }
            Transport::Tcp { host, port } => ("valkey", host, port),
            Transport::Tls { host, port } => ("valkeys", host, port),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}/{}", self.db)
        } else {
            write!(f, "{scheme}://{host}:{port}/{}", self.db)
        }
    }
}
