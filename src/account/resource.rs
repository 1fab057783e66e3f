//! The resources that all users share.

/// A resource that all users share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Connections of clients.
    Connections,
    /// Connections to the store that one client has for itself: for WATCH, scripts, long
    /// transactions.
    Pinned,
    /// Commands under way that are expensive for a Valkey server.
    Expensive,
    /// Threads that read long from the embedded store.
    Reading,
    /// Threads for reads of it that are short as a rule, but not for certain.
    ShortReading,
    /// Bytes of requests that wait for the embedded store's writer.
    Writing,
    /// Bytes of memory in buffers and replies.
    Memory,
    /// The right to go on past the bound on memory.
    Turn,
    /// Connections whose peers have hung up and whose requests are still carried out.
    Leftover,
}

/// How many resources there are.
pub(super) const RESOURCES: usize = 9;
