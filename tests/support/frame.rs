//! Cuts the bytes of RESP2 and RESP3 replies into frames, and aggregates into their elements,
//! without making sense of either: what is compared is bytes.

/// The length of the frame that `bytes` begins with, or `None` as long as its end is not there.
/// Bytes that are no RESP count as a frame of one line, so that they come to be compared.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let header = line(bytes)?;
    let count = number(&bytes[1..header - 2]);
    match bytes[0] {
        b'$' | b'=' | b'!' => {
            let end = count.map_or(header, |count| header + count + 2);
            (bytes.len() >= end).then_some(end)
        }
        b'*' | b'~' | b'>' => skip(bytes, header, count.unwrap_or(0)),
        b'%' => skip(bytes, header, 2 * count.unwrap_or(0)),
        // Attributes stand before the reply that they belong to.
        b'|' => skip(bytes, header, 2 * count.unwrap_or(0) + 1),
        _ => Some(header),
    }
}

/// The elements of an array, a set or a map, keys and values in turn; `None` for anything else,
/// null among it.
pub(crate) fn elements(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let header = line(frame)?;
    let count = number(&frame[1..header - 2])?;
    let count = match frame[0] {
        b'*' | b'~' => count,
        b'%' => 2 * count,
        _ => return None,
    };
    let mut rest = &frame[header..];
    let mut elements = Vec::new();
    for _ in 0..count {
        let (element, after) = rest.split_at(length(rest)?);
        elements.push(element);
        rest = after;
    }
    Some(elements)
}

/// What a bulk string holds.
pub(crate) fn bulk(frame: &[u8]) -> Option<&[u8]> {
    let header = line(frame)?;
    number(&frame[1..header - 2])?;
    (frame[0] == b'$').then(|| &frame[header..frame.len() - 2])
}

/// The value of an integer reply.
pub(crate) fn integer(frame: &[u8]) -> Option<i64> {
    std::str::from_utf8(frame.strip_prefix(b":")?).ok()?.trim_end().parse().ok()
}

fn skip(bytes: &[u8], start: usize, frames: usize) -> Option<usize> {
    let mut end = start;
    for _ in 0..frames {
        end += length(&bytes[end..])?;
    }
    Some(end)
}

/// The length of the first line, its end included.
fn line(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n").map(|end| end + 2).filter(|end| *end > 2)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
