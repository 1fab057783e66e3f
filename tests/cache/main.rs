//! The near cache over a real Valkey: that what is answered from it is what Valkey would have
//! answered, whoever changes it, in whatever way.
//!
//! `KVSOCK_TEST_SECONDS` is how long the races run; 3 if not set. A long run by hand:
//! `KVSOCK_TEST_SECONDS=600 cargo test --test cache -- race`

mod bounds;
mod change;
mod end;
mod race;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod users;
mod watch;
