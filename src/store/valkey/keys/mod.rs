//! Keys and replies as the server has them, and as clients have them.

pub(crate) mod prefix;
pub(crate) mod reply;
