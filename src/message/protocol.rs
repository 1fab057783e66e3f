//! The protocols that a connection can speak.

use serde::{Deserialize, Serialize};

/// The protocol of a connection. Part of the format of [`crate::handover`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// One line in, one line out.
    Text,
    /// RESP, version 2.
    Resp2,
    /// RESP, version 3.
    Resp3,
}
