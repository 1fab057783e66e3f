//! The skipping of a reply's rest, in bounded memory.

use bytes::{Buf, BytesMut};

use super::scan::{Malformed, Scan, Step};

/// Bytes of a value's end: CR LF.
const END: usize = 2;

/// A reply that is being skipped.
#[derive(Debug)]
pub(crate) struct Skip {
    scan: Scan,
    /// Bytes of a value still to come, with its end.
    data: usize,
}

impl Skip {
    /// Skips the rest of the reply that `scan` has begun.
    pub(crate) fn of(scan: Scan) -> Skip {
        Skip { scan, data: 0 }
    }

    /// Drops the reply's bytes in `buffer`; true at its end.
    pub(crate) fn read(&mut self, buffer: &mut BytesMut) -> Result<bool, Malformed> {
        loop {
            if self.data > 0 {
                let taken = (self.data - END).min(buffer.len());
                buffer.advance(taken);
                self.data -= taken;
                if buffer.len() < END {
                    return Ok(false);
                }
                if buffer[..END] != *b"\r\n" {
                    return Err(Malformed::End(b'$'));
                }
                buffer.advance(END);
                self.data = 0;
                if self.scan.close() {
                    return Ok(true);
                }
            }
            let step = self.scan.step(buffer)?;
            self.scan.forget(buffer);
            match step {
                Step::Whole => return Ok(true),
                Step::More => {}
                Step::Waiting => match self.scan.take_announced() {
                    0 => return Ok(false),
                    announced => self.data = announced,
                },
            }
        }
    }
}
