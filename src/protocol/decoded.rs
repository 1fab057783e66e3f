//! The result of decoding, common to all protocols.

use crate::message::{Reply, Request};

/// The item at the front of the received bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// A request.
    Request(Request),
    /// Input that is no valid request; this is the reply to it.
    Refused(Reply),
    /// Input that is not of the protocol, so that the rest cannot be decoded; this is the last
    /// reply.
    Broken(Reply),
}
