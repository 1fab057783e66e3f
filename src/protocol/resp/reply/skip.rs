//! The rest of a reply that nobody wants any more: read away in bounded memory.

use bytes::{Buf, BytesMut};

use super::scan::{Malformed, Scan, Step};

/// Bytes that end a value: CR LF.
const END: usize = 2;

/// A reply that is being read away.
#[derive(Debug)]
pub(crate) struct Skip {
    scan: Scan,
    /// Bytes of a value that are still to come, its end included.
    data: usize,
}

impl Skip {
    /// The rest of the reply that `scan` has begun, and what of it is in the buffer.
    pub(crate) fn of(scan: Scan) -> Skip {
        Skip { scan, data: 0 }
    }

    /// Reads away what is in `buffer`; true when the reply is over.
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
