//! One request, as a protocol decoded it.

use bytes::Bytes;
use smallvec::SmallVec;

/// Arguments of a request. Two fit without an allocation; room for more would make every move of a
/// request more expensive.
///
/// Each argument is a slice of the buffer that it was read into, where possible.
pub type Args = SmallVec<[Bytes; 2]>;

/// A command word; the usual length fits without an allocation.
pub type Name = SmallVec<[u8; 16]>;

/// One request as a protocol decoded it: any bytes, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The command word in the peer's spelling.
    pub name: Name,
    /// The words after it.
    pub args: Args,
}
