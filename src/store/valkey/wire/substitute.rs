//! Errors that stand in the place of a reply that was read away.

use crate::message::Reply;

/// The reply that may not be given.
pub(crate) fn too_long(max_reply: usize) -> Reply {
    Reply::failed(format!("reply longer than {max_reply} bytes"))
}

/// The reply that found no room, and was read away.
pub(crate) fn no_room() -> Reply {
    Reply::failed("no memory for the reply (KVSOCK_MAX_MEMORY); what was asked for is done")
}
