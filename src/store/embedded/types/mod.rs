//! The commands of each type. Read `functions` first: it maps the rows of the table of
//! commands to functions. `editor` is the context of operations that write; `weight` estimates how much work an
//! operation is.

pub(crate) mod editor;
pub(crate) mod expiry;
pub(crate) mod functions;
pub(crate) mod keys;
pub(crate) mod last;
pub(crate) mod object;
pub(crate) mod reads;
pub(crate) mod scan;
pub(crate) mod string;
pub(crate) mod weight;
pub(crate) mod writes;
