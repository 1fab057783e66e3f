//! The commands between MULTI and EXEC.

use bytes::Bytes;

use super::check::Work;

/// What one waiting command takes beside its arguments, in bytes.
const OVERHEAD: usize = 256;
/// What one argument takes beside its own bytes: where it is, and how it was allocated.
const ARGUMENT: usize = size_of::<Bytes>() + 32;

/// Commands that wait for EXEC. They hold copies of their arguments, so that a short one does not
/// keep the whole buffer it was read into.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) works: Vec<Work>,
    bytes: usize,
    /// A command was refused: EXEC will refuse them all.
    pub(super) is_spoilt: bool,
}

impl Queue {
    /// Lets `work` wait, unless there would be more than `limit` bytes then.
    pub(super) fn push(&mut self, mut work: Work, limit: usize) -> bool {
        let bytes = OVERHEAD + work.args.iter().map(|arg| ARGUMENT + arg.len()).sum::<usize>();
        if self.bytes + bytes > limit {
            return false;
        }
        for arg in &mut work.args {
            *arg = Bytes::copy_from_slice(arg);
        }
        self.bytes += bytes;
        self.works.push(work);
        true
    }

    /// Bytes of memory held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
