//! CONFIG GET: the settings that clients ask for, as they apply to kvsock; never the store's own.

use bytes::Bytes;

use crate::message::Reply;
use crate::store::glob_matches;

/// Names and values, sorted by name. Sizes are in bytes. A feature that kvsock does not have is
/// shown as switched off.
const SETTINGS: &[(&str, &str)] = &[
    ("appendonly", "no"),
    ("cluster-enabled", "no"),
    ("databases", "1"),
    ("maxmemory", "0"),
    ("maxmemory-policy", "noeviction"),
    ("notify-keyspace-events", ""),
    ("port", "0"),
    ("save", ""),
    ("tls-port", "0"),
];

/// The settings whose names match one of the patterns.
pub(crate) fn get(patterns: &[Bytes]) -> Reply {
    let wanted = |name: &str| {
        let name = name.as_bytes();
        patterns.iter().any(|pattern| glob_matches(&pattern.to_ascii_lowercase(), name))
    };
    let found = SETTINGS.iter().filter(|(name, _)| wanted(name));
    Reply::Map(found.map(|(name, value)| (Reply::value(name), Reply::value(value))).collect())
}
