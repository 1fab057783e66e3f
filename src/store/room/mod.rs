//! The bounded memory of the replies: `execute.rs` makes room before a batch is carried out, and
//! `measure.rs` computes how much a transaction needs.
//!
//! Room is made for the replies that are expected: each value is assumed as long as the longest one
//! seen lately. If there is no room for that, the Valkey engines are asked for the lengths. A reply
//! that finds no room all the same is discarded while it arrives, and its request is sent again in
//! its turn. Replies before the last write of a pipeline are always kept, since a read that is sent
//! again would see the write.
//!
//! Transactions and scripts cannot be sent again. If the reply to one of them finds no room, an
//! error takes its place.

mod execute;
mod measure;
