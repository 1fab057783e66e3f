//! The end of a RESP reply, found in one pass over its bytes in pieces of any size.
//! [`crate::protocol::resp`] decodes the content.

/// A search for the end of one reply. Bytes that are no RESP count as an end too; the decoder
/// reports them.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Bytes from the reply's start that were searched already.
    seen: usize,
    /// The number of elements still to come.
    missing: u64,
}

impl Scan {
    /// Before the first byte.
    pub(crate) fn new() -> Scan {
        Scan { seen: 0, missing: 1 }
    }

    /// Whether `bytes` hold the whole reply. They begin with the reply, and only grow from call to
    /// call.
    pub(crate) fn is_whole(&mut self, bytes: &[u8]) -> bool {
        while self.missing > 0 {
            let Some(rest) = bytes.get(self.seen..) else { return false };
            let Some(end) = memchr::memchr(b'\n', rest) else { return false };
            let count = rest.get(1..end).map(<[u8]>::trim_ascii).and_then(number);
            let (elements, body) = match rest[0] {
                b'$' | b'=' | b'!' => (0, count.map_or(0, |length| length.saturating_add(2))),
                b'*' | b'~' | b'>' => (count.unwrap_or(0), 0),
                b'%' => (count.unwrap_or(0).saturating_mul(2), 0),
                // Attributes precede the reply that they describe.
                b'|' => (count.unwrap_or(0).saturating_mul(2).saturating_add(1), 0),
                _ => (0, 0),
            };
            self.missing = self.missing.saturating_add(elements) - 1;
            let body = usize::try_from(body).unwrap_or(usize::MAX);
            self.seen = self.seen.saturating_add(end + 1).saturating_add(body);
        }
        self.seen <= bytes.len()
    }
}

/// A length; a length of -1 is none.
fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_reply_is_found_in_whatever_pieces_it_arrives() {
        for reply in [
            "+OK\r\n",
            ":12\r\n",
            "_\r\n",
            "$-1\r\n",
            "$0\r\n\r\n",
            "$12\r\n+OK\r\n\r\n*3\r\n1\r\n",
            "=7\r\ntxt:a\r\n\r\n",
            "*-1\r\n",
            "*0\r\n",
            "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
            "%1\r\n+a\r\n%1\r\n+b\r\n#t\r\n",
            "|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n",
        ] {
            for next in ["", "+OK\r\n"] {
                let stream = format!("{reply}{next}");
                let mut scan = Scan::new();
                for held in 0..reply.len() {
                    assert!(!scan.is_whole(&stream.as_bytes()[..held]), "{reply:?} at {held}");
                }
                assert!(scan.is_whole(stream.as_bytes()), "{reply:?}");
            }
        }
    }
}
