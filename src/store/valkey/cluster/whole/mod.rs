//! Operations on all keys of a cluster: every server that has slots is asked.

pub(crate) mod cursor;
pub(crate) mod everywhere;
pub(crate) mod walk;
