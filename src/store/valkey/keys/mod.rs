//! Translates between clients and servers: keys with and without the prefix, replies as the server
//! sends them and as commands expect them. Read `prefix.rs` first.

mod changed;
pub(crate) mod prefix;
pub(crate) mod reply;
