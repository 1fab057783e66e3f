//! One request, as a protocol decoded it.

use bytes::Bytes;
use smallvec::SmallVec;

/// Arguments of a request; those of most fit without an allocation of their own. There is no room
/// for more of them since requests are moved more often than they have more.
///
/// Each is a slice of the buffer it was read into, wherever that was possible.
pub type Args = SmallVec<[Bytes; 2]>;

/// A command word; one as long as commands have fits without an allocation.
pub type Name = SmallVec<[u8; 16]>;

/// One request as a protocol decoded it: any bytes, nothing checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The command word in the letters the peer wrote.
    pub name: Name,
    /// What followed it.
    pub args: Args,
}
