//! What a restart carries from one daemon to the next: open connections, and what each needs to go
//! on as if nothing had happened.
//!
//! [`Record`] is one connection's state, [`write()`] and [`read`] are the file that holds all of
//! them, and [`Passage`] carries that file and the descriptors through the service manager's
//! store. Who a peer is does not travel: the kernel tells it again.

mod carried;
mod file;
mod passage;
mod record;

pub use self::carried::Carried;
pub use self::file::{FORMAT, Head, Records, Unreadable, read, write};
pub use self::passage::{Passage, Passed, take_out};
pub use self::record::{ClientRecord, KeySpace, Record, TransactionRecord};
