//! The keys that one client watches, on any engine.

use super::{embedded, valkey};

/// The keys that one client watches for its next transaction. They are unwatched when this is
/// dropped.
#[derive(Debug)]
pub enum Watch {
    /// On a Valkey or Redis server.
    Valkey(valkey::Watch),
    /// On a cluster.
    Cluster(valkey::ClusterWatch),
    /// In the embedded store.
    Embedded(embedded::Watch),
}
