//! How far a decoder has come, for one that goes on in its place.

use serde::{Deserialize, Serialize};

/// What a decoder knows that the bytes left in its buffer do not tell. Part of the format of
/// [`crate::handover`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The buffer begins with the next request, or is empty.
    #[default]
    Request,
    /// As before, and text has been spoken already.
    Lines,
    /// Within a line that was refused, of which so many bytes were read away.
    RefusedLine {
        /// Counted for RESP only.
        dropped: usize,
    },
    /// Within a RESP request that was refused, before an argument.
    RefusedLength {
        /// Arguments still to come.
        left: usize,
    },
    /// Within an argument of a RESP request that was refused.
    RefusedData {
        /// Bytes of it still to come, its line end not counted.
        length: usize,
        /// Arguments still to come, this one counted.
        left: usize,
    },
}
