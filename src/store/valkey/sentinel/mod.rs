//! The master that sentinels name. They are asked whenever a connection is to be made, and listened
//! to meanwhile, since a master that is replaced may go on as if it were none the wiser: it stands
//! still, is cut off, or takes writes that nobody will see until it is told, ten seconds later.

mod master;
mod peer;
pub(crate) mod sentinels;
