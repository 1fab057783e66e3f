//! How connections to a server are made, kept and lent.

pub(crate) mod backoff;
pub(crate) mod connector;
pub(crate) mod inquiry;
pub(crate) mod limits;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod node;
pub(crate) mod pool;
pub(crate) mod target;
pub(crate) mod value;
