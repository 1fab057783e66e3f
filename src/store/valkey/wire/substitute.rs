//! Errors that take the place of a reply that was discarded.

use crate::message::{Reply, refusal};

/// The error for a reply that exceeds the length limit.
pub(crate) fn too_long(max_reply: usize) -> Reply {
    Reply::Error(refusal::too_long(max_reply, ""))
}

/// The error for a reply that found no room, to a command that must not be sent again.
pub(crate) fn no_room() -> Reply {
    Reply::failed("no memory for the reply (KVSOCK_MAX_MEMORY); what was asked for is done")
}
