//! Makes, keeps and lends connections to servers. Read `node.rs` first: it joins the shared
//! connection (`link.rs`) and the pinned ones (`pool.rs`) of one server.

pub(crate) mod backoff;
pub(crate) mod connector;
pub(crate) mod inquiry;
pub(crate) mod limits;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod node;
pub(crate) mod outage;
pub(crate) mod pool;
pub(crate) mod target;
pub(crate) mod value;
