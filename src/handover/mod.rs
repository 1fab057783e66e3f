//! The hand-over of open connections from one daemon to the next at a restart. Clients do not
//! notice it.
//!
//! [`Record`] is one connection's state. [`write()`] and [`read`] are the file that holds all
//! records. [`Passage`] carries that file and the descriptors through the service manager's store.
//! A peer's identity is not carried: the kernel reports it again. Read `record` first.

mod carried;
mod file;
mod passage;
mod record;

pub use self::carried::Carried;
pub use self::file::{FORMAT, Head, Records, Unreadable, read, write};
pub use self::passage::{Passage, Passed, take_out};
pub use self::record::{ClientRecord, KeySpace, Record, TransactionRecord};
