//! Keys and replies as the server has them, and as clients have them.

mod changed;
pub(crate) mod prefix;
pub(crate) mod reply;
