//! The servers of a cluster, and the slots that each of them serves.

pub(crate) mod address;
pub(crate) mod discovery;
pub(crate) mod keeper;
pub(crate) mod layout;
pub(crate) mod map;
pub(crate) mod member;
pub(crate) mod servers;
