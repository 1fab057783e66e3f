//! The resources that all users share.

/// A resource that all users share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Connections of clients.
    Connections,
    /// Connections to the store that belong to one client: for WATCH, scripts and long
    /// transactions.
    Pinned,
    /// Commands in flight that are expensive for a Valkey server.
    Expensive,
    /// Threads for long reads of the embedded store.
    Reading,
    /// Threads for reads of the embedded store that are usually, but not certainly, short.
    ShortReading,
    /// Bytes of requests that wait for the embedded store's writer.
    Writing,
    /// Bytes of memory in buffers and replies.
    Memory,
    /// The right to exceed the bound on memory.
    Turn,
    /// Connections whose peers have hung up while requests are still carried out.
    Leftover,
}

/// The number of resources.
pub(super) const RESOURCES: usize = 9;
