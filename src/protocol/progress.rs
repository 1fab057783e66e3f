//! The decoder's state, so that another decoder can resume.

use serde::{Deserialize, Serialize};

/// The state of a decoder beside the bytes left in its buffer. Part of the format of
/// [`crate::handover`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The buffer begins with the next request, or is empty.
    #[default]
    Request,
    /// Like `Request`; earlier requests were in the text protocol.
    Lines,
    /// Inside a refused line; `dropped` bytes of it were read and dropped.
    RefusedLine {
        /// Counted only for RESP.
        dropped: usize,
    },
    /// Inside a refused RESP request, before an argument.
    RefusedLength {
        /// The number of arguments still to come.
        left: usize,
    },
    /// Inside an argument of a refused RESP request.
    RefusedData {
        /// The number of bytes still to come, without the line end.
        length: usize,
        /// The number of arguments still to come, including this one.
        left: usize,
    },
}
