//! What a decoder finds in a stream of bytes, whichever the protocol.

use crate::message::{Reply, Request};

/// What stood at the front of the bytes received.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// A request.
    Request(Request),
    /// What stood in a request's place was none: this is the reply to it.
    Refused(Reply),
    /// The peer does not speak the protocol, and what follows cannot be understood: this is the
    /// last reply.
    Broken(Reply),
}
