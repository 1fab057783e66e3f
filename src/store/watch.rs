//! What one client watches, whichever engine does the watching.

use super::{embedded, valkey};

/// Keys that are watched for the next transaction of one client. Dropping it forgets them.
#[derive(Debug)]
pub enum Watch {
    /// On a Valkey or Redis server.
    Valkey(valkey::Watch),
    /// On a cluster of them.
    Cluster(valkey::ClusterWatch),
    /// In the embedded store.
    Embedded(embedded::Watch),
}
