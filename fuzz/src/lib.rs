//! What must hold of every input, target by target. The fuzzers look for an input of which it does
//! not; `tests/corpus.rs` tries those that are kept in `corpus/`.

mod environment_file;
pub mod handover;
pub mod location;
mod pieces;
pub mod resp_reply;
pub mod resp_request;
pub mod settings;
pub mod text_reply;
pub mod text_request;
