//! The near cache over a real Valkey: that what is answered from it is what Valkey would have
//! answered, whoever changes it, in whatever way.
//!
//! `KVSOCK_TEST_SECONDS` is how long the races run; 3 if not set. A long run:
//! `KVSOCK_TEST_SECONDS=600 tests/long races`

mod bounds;
mod change;
mod end;
mod race;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod users;
mod watch;
