//! The hand-over of open connections from one daemon to the next at a restart. Clients do not
//! notice it.
//!
//! At SIGTERM the daemon accepts no more connections and answers the requests received
//! (`server/connection/serve.rs`). Then it gives up its connections, a record and a descriptor each
//! (`server/connection/carry.rs`), and leaves them with systemd (`daemon/handover.rs`). The next
//! daemon takes them when it serves. A daemon that cannot start leaves them where they are. New
//! clients wait in systemd's socket meanwhile.
//!
//! Without systemd, and after the command `shutdown`, nothing is handed over: the connections are
//! shut down for reading. On a Unix socket the peer then cannot send, and all bytes that it has
//! sent are answered before the connection closes.
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
