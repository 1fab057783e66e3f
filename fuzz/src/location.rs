//! The store's URL.

use std::path::PathBuf;

use kvsock::store::{Cluster, Location, Sentinels, Server};

/// What no message may hold.
const PASSWORD: &str = "hunter2.SECRET";
/// What an input has in the place of a password.
const PLACE: &str = "PASSWORD";

pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let text = text.replace(PLACE, PASSWORD);
    match parse(&text) {
        Ok(location) => check_location(&location),
        Err(error) if is_userinfo(&text) => {
            let said = error.to_string();
            assert!(!said.contains(PASSWORD), "{said}");
        }
        Err(_) => {}
    }
}

fn parse(text: &str) -> Result<Location, kvsock::store::LocationError> {
    Location::parse(text, || PathBuf::from("/home/db"))
}

/// Whether the password stands where passwords do: after a colon, and before an at sign.
fn is_userinfo(text: &str) -> bool {
    text.split_once(PASSWORD)
        .is_some_and(|(before, after)| before.contains(':') && after.contains('@'))
}

/// What is shown of a place reads back as the same place, without user and password.
pub(super) fn check_location(location: &Location) {
    let shown = location.to_string();
    assert_eq!(parse(&shown).as_ref(), Ok(&without_secrets(location)), "{shown:?}");
    let secrets = match location {
        Location::Valkey(server) => {
            assert!(server.db >= 0, "{server:?}");
            [&server.username, &server.password]
        }
        Location::Sentinels(sentinels) => {
            assert!(sentinels.db >= 0, "{sentinels:?}");
            [&sentinels.username, &sentinels.password]
        }
        Location::Cluster(cluster) => [&cluster.username, &cluster.password],
        Location::Embedded(_) => return,
    };
    assert!(!shown.contains(char::is_control), "{shown:?}");
    for secret in secrets {
        assert!(!format!("{secret:?}").contains(PASSWORD), "{secret:?}");
    }
}

/// The place alone.
pub(super) fn without_secrets(location: &Location) -> Location {
    match location {
        Location::Valkey(server) => {
            let transport = server.transport.clone();
            Location::Valkey(Server { transport, username: None, password: None, ..*server })
        }
        Location::Cluster(cluster) => {
            let seeds = cluster.seeds.clone();
            Location::Cluster(Cluster { seeds, username: None, password: None })
        }
        Location::Sentinels(found) => {
            Location::Sentinels(Sentinels { username: None, password: None, ..found.clone() })
        }
        Location::Embedded(path) => Location::Embedded(path.clone()),
    }
}
