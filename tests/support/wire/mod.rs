//! The wire as a client sees it: one reader for all tests. Which reply is right, the tests say.

/// A connection: bytes and lines.
pub(crate) mod client;
/// RESP, compared byte for byte.
pub(crate) mod exact;
/// One reply of RESP.
pub(crate) mod frame;
/// Words to requests of RESP.
pub(crate) mod request;
/// Any protocol, with replies as the text protocol writes them.
pub(crate) mod textual;
