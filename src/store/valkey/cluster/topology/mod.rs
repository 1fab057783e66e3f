//! The nodes of a cluster, and the slots that each of them owns. Read `keeper.rs` first.

pub(crate) mod address;
pub(crate) mod discovery;
pub(crate) mod keeper;
pub(crate) mod layout;
pub(crate) mod map;
pub(crate) mod member;
pub(crate) mod servers;
