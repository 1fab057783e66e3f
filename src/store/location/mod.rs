//! The location of the data: the `KVSOCK_STORE` URL.

mod cluster;
mod error;
mod sentinel;
mod server;

use std::fmt;
use std::path::PathBuf;

pub use self::cluster::Cluster;
pub use self::error::LocationError;
pub use self::sentinel::Sentinels;
pub use self::server::{Server, Transport};

/// The engine, and the place of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The embedded engine, in this directory.
    Embedded(PathBuf),
    /// One Valkey or Redis server.
    Valkey(Server),
    /// The master that sentinels name.
    Sentinels(Sentinels),
    /// A cluster of Valkey or Redis servers.
    Cluster(Cluster),
}

impl Location {
    /// Parses `embedded`, `embedded:/path` or a server URL. `home` gives the directory of
    /// `embedded` alone.
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
            "valkey" | "redis" => Server::parse(text, false).map(Location::Valkey),
            "valkeys" | "rediss" => Server::parse(text, true).map(Location::Valkey),
            "valkey+unix" | "redis+unix" => Server::parse_unix(text).map(Location::Valkey),
            "valkey-cluster" | "redis-cluster" => {
                Cluster::parse(text, false).map(Location::Cluster)
            }
            "valkeys-cluster" | "rediss-cluster" => {
                Cluster::parse(text, true).map(Location::Cluster)
            }
            "valkey-sentinel" | "redis-sentinel" => {
                Sentinels::parse(text, false).map(Location::Sentinels)
            }
            "valkeys-sentinel" | "rediss-sentinel" => {
                Sentinels::parse(text, true).map(Location::Sentinels)
            }
            other if other.bytes().all(is_of_scheme) => {
                Err(LocationError::Scheme(other.to_owned()))
            }
            _ => Err(LocationError::Malformed("no scheme".to_owned())),
        }
    }
}

/// Whether a scheme may contain the character (RFC 3986, section 3.1). Any other text may contain a
/// user and a password.
fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The URL without user and password, safe for logs and replies.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Location::Valkey(server) => server.fmt(f),
            Location::Sentinels(sentinels) => sentinels.fmt(f),
            Location::Cluster(cluster) => cluster.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::secret::Secret;

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
            ("valkey-cluster://h1:1,h2,[::1]:3/", "valkey-cluster://h1:1,h2:6379,[::1]:3"),
            ("rediss-cluster://u:p,q@h1,h2/0", "valkeys-cluster://h1:6379,h2:6379"),
            ("valkey-sentinel://h1:1,h2,[::1]:3/m", "valkey-sentinel://h1:1,h2:26379,[::1]:3/m/0"),
            (
                "rediss-sentinel://u:p,q@h1,h2/a.b-c_1/7",
                "valkeys-sentinel://h1:26379,h2:26379/a.b-c_1/7",
            ),
        ] {
            assert_eq!(parse(text).expect(text).to_string(), printed);
            assert_eq!(parse(printed).expect(printed).to_string(), printed);
        }
    }

    #[test]
    fn a_clusters_servers_have_one_user_and_password() {
        let Ok(Location::Cluster(cluster)) = parse("redis-cluster://u:p%40s,s@h1:1,h2:2") else {
            panic!("a cluster")
        };
        let seed = |host: &str, port| Transport::Tcp { host: host.to_owned(), port };
        assert_eq!(cluster.seeds, [seed("h1", 1), seed("h2", 2)]);
        assert_eq!(cluster.username, Some(Secret::new("u")));
        assert_eq!(cluster.password, Some(Secret::new("p@s,s")));
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
            "valkey-cluster://u:hunter2@h,",
            "valkey-cluster://u:hunter2@h,h2/1",
            "valkey-cluster://u:1/hunter2@h,h2",
            "valkeys-cluster://u:hunter2@h%2Ch2",
            "redis-cluster://u:hunter2@h:port,h",
            "valkey-sentinel://u:hunter2@h",
            "valkey-sentinel://u:hunter2@h/",
            "valkey-sentinel://u:hunter2@h,/m",
            "valkey-sentinel://u:hunter2@h/m/x",
            "valkey-sentinel://u:hunter2@h/m?db=1",
            "valkey-sentinel://u:1/hunter2@h/m/0",
            "valkey-sentinel://u:1/m/hunter2@h",
            "valkeys-sentinel://u:hunter2@h%2Ch2/m",
            "redis-sentinel://u:hunter2@h:port,h/m",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
