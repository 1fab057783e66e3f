//! Operations on the whole cluster: every node that owns slots is asked. Read `walk.rs` first.

pub(crate) mod cursor;
pub(crate) mod everywhere;
pub(crate) mod walk;
