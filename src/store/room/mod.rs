//! The bounded memory of the replies: `execute.rs` makes room before a batch is carried out, and
//! `measure.rs` computes how much a transaction needs.

mod execute;
mod measure;
