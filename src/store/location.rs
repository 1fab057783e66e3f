//! Where the data is: the `KVSOCK_STORE` URL.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use super::Secret;

/// The port of a Valkey server when the URL names none.
const PORT: u16 = 6379;

/// The longest path of a Unix socket, without the NUL (`unix(7)`).
const SOCKET_PATH: usize = 107;

/// What in a path would be something else in a URL; the rest is shown as it is.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// Which engine, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The embedded engine, in this directory.
    Embedded(PathBuf),
    /// One Valkey or Redis server.
    Valkey(Server),
}

/// A Valkey or Redis server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// How it is reached.
    pub transport: Transport,
    /// The database to select.
    pub db: i64,
    /// User from the URL.
    pub username: Option<Secret>,
    /// Password from the URL.
    pub password: Option<Secret>,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// Name or address, IPv6 without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// TLS over TCP.
    Tls {
        /// Name or address, IPv6 without brackets; the certificate must be for it.
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

/// What is wrong with a store URL. Never repeats the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// No engine has such a scheme.
    #[error(
        "scheme {0:?} is not one of embedded, valkey, valkeys, valkey+unix, redis, rediss, redis+unix"
    )]
    Scheme(String),
    /// The engine is planned and not there yet.
    #[error("{0}:// is not supported by this version")]
    NotYet(&'static str),
    /// Not a URL.
    #[error("not a store URL: {0}")]
    Malformed(String),
    /// The database is no number. What stands there may be a part of a password with a slash.
    #[error("the database is not a number from 0 on")]
    Database,
    /// The host has characters that no name and no address has.
    #[error("the host is neither a name nor an address")]
    Host,
    /// No socket can have such a path.
    #[error("the path of a socket has no NUL, and at most {SOCKET_PATH} bytes")]
    SocketPath,
    /// A part that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A part that has no meaning is there.
    #[error("{0} has no meaning here")]
    Surplus(&'static str),
}

impl Location {
    /// Parses `embedded`, `embedded:/path` or a server URL; `home` is where `embedded` alone
    /// keeps its data.
    pub fn parse(text: &str, home: impl FnOnce() -> PathBuf) -> Result<Location, LocationError> {
        if text == "embedded" {
            return Ok(Location::Embedded(home()));
        }
        if let Some(path) = text.strip_prefix("embedded:") {
            return if path.starts_with('/') {
                Ok(Location::Embedded(PathBuf::from(path)))
            } else {
                Err(LocationError::Missing("the absolute path after embedded:"))
            };
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(LocationError::Malformed("no scheme".to_owned()));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "valkey" | "redis" => server(text, false),
            "valkeys" | "rediss" => server(text, true),
            "valkey+unix" | "redis+unix" => unix(text),
            "valkey-cluster" | "redis-cluster" => Err(LocationError::NotYet("valkey-cluster")),
            "valkey-sentinel" | "redis-sentinel" => Err(LocationError::NotYet("valkey-sentinel")),
            other if other.bytes().all(is_of_scheme) => {
                Err(LocationError::Scheme(other.to_owned()))
            }
            _ => Err(LocationError::Malformed("no scheme".to_owned())),
        }
    }
}

/// The characters of a scheme (RFC 3986, section 3.1). Anything else in its place may be a user
/// and a password.
fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn server(text: &str, tls: bool) -> Result<Location, LocationError> {
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
    let port = url.port().unwrap_or(PORT);
    let transport = if tls { Transport::Tls { host, port } } else { Transport::Tcp { host, port } };
    Ok(Location::Valkey(Server {
        transport,
        db: database(url.path().trim_start_matches('/'))?,
        username: username(&url)?,
        password: url.password().map(decode).transpose()?.map(Secret::new),
    }))
}

fn unix(text: &str) -> Result<Location, LocationError> {
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
    // A segment could be one with dots after all, and be another path where it is shown.
    if url.path().to_ascii_lowercase().contains("%2f") {
        return Err(LocationError::Surplus("\"%2F\""));
    }
    let path = decode(url.path())?;
    if path.contains('\0') || path.len() > SOCKET_PATH {
        return Err(LocationError::SocketPath);
    }
    Ok(Location::Valkey(Server {
        transport: Transport::Unix { path: PathBuf::from(path) },
        db,
        username: user,
        password,
    }))
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

/// The URL without user and password, fit for logs and replies.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Location::Valkey(server) => server.fmt(f),
        }
    }
}

/// The URL without user and password, fit for logs and replies.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Location, LocationError> {
        Location::parse(text, || PathBuf::from("/home/db"))
    }

    #[test]
    fn every_spelling_is_understood_and_printed_without_secrets() {
        for (text, printed) in [
            ("embedded", "embedded:/home/db"),
            ("embedded:/var/lib/x", "embedded:/var/lib/x"),
            ("valkey://h", "valkey://h:6379/0"),
            ("redis://user:p%40ss@10.0.0.1:7000/3", "valkey://10.0.0.1:7000/3"),
            ("valkeys://:secret@h", "valkeys://h:6379/0"),
            ("rediss://[::1]:1/2", "valkeys://[::1]:1/2"),
            ("valkey+unix:///run/v%20k.sock?db=2", "valkey+unix:///run/v k.sock?db=2"),
            ("valkey+unix:///%3F%23%25%0a", "valkey+unix:///%3F%23%25%0A?db=0"),
            ("redis+unix:///run/v.sock?user=u&pass=p", "valkey+unix:///run/v.sock?db=0"),
        ] {
            assert_eq!(parse(text).expect(text).to_string(), printed);
            assert_eq!(parse(printed).expect(printed).to_string(), printed);
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let Ok(Location::Valkey(server)) = parse("valkey://us%3Aer:p%40ss@h") else {
            panic!("a server")
        };
        assert_eq!(server.username, Some(Secret::new("us:er")));
        assert_eq!(server.password, Some(Secret::new("p@ss")));
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused() {
        let url = |length: usize| format!("valkey+unix:///{}?db=1", "a".repeat(length - 1));
        assert!(parse(&url(107)).is_ok());
        for text in [&url(108), "valkey+unix:///a%00b"] {
            assert_eq!(parse(text), Err(LocationError::SocketPath), "{text}");
        }
    }

    #[test]
    fn faults_name_what_is_wrong_and_never_the_password() {
        for text in [
            "",
            "embedded:relative",
            "mysql://u:hunter2@h",
            "valkey://u:hunter2@",
            "valkey://u:hunter2@h/x",
            "valkey://u:hunter2@h:port/0",
            "valkey://u:hunter2@h/-1",
            "valkey://u:1/hunter2@h/0",
            "u:hunter2@valkey://h",
            "valkey://u:hunter2@a%3Ab",
            "valkey://u:hunter2@%00",
            "valkey://u:hunter2@h/0?x=1",
            "valkey+unix://host/path",
            "valkey+unix:///",
            "valkey+unix:///a/..%2Fb",
            "valkey+unix:///a%2fb",
            "valkey-cluster://u:hunter2@h",
            "valkey-sentinel://u:hunter2@h/m/0",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
