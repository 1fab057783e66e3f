//! Replies of RESP2 and RESP3 as the bytes that they are: reads a whole one from a stream, and cuts
//! one into its elements.

use std::io::{self, BufRead, ErrorKind, Read};

/// Appends one whole reply to `frame`; what came before an error stays there. Bytes that are no
/// RESP count as a reply of one line, so that they come to be compared.
pub(crate) fn read(stream: &mut impl BufRead, frame: &mut Vec<u8>) -> io::Result<()> {
    let mut missing = 1;
    while missing > 0 {
        missing -= 1;
        let start = frame.len();
        read_line(stream, frame)?;
        let (marker, count) = header(&frame[start..]);
        match marker {
            b'$' | b'=' | b'!' => {
                if let Some(count) = count {
                    read_exact(stream, count + 2, frame)?;
                }
            }
            b'*' | b'~' | b'>' => missing += count.unwrap_or(0),
            b'%' => missing += 2 * count.unwrap_or(0),
            // Attributes stand before the reply that they belong to.
            b'|' => missing += 2 * count.unwrap_or(0) + 1,
            _ => {}
        }
    }
    Ok(())
}

/// The first reply in `bytes`, and what follows it; `None` as long as its end is not there.
pub(crate) fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes;
    read(&mut rest, &mut Vec::new()).ok()?;
    Some(bytes.split_at(bytes.len() - rest.len()))
}

/// The elements of an array, a set or a map, keys and values in turn; `None` for anything else,
/// null among it.
pub(crate) fn elements(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let (line, mut rest) = first_line(frame)?;
    let count = match header(line) {
        (b'*' | b'~', count) => count?,
        (b'%', count) => 2 * count?,
        _ => return None,
    };
    let mut elements = Vec::new();
    for _ in 0..count {
        let (element, after) = cut(rest)?;
        elements.push(element);
        rest = after;
    }
    Some(elements)
}

/// What a bulk string holds.
pub(crate) fn bulk(frame: &[u8]) -> Option<&[u8]> {
    text(frame).filter(|_| frame.starts_with(b"$"))
}

/// What a bulk string or a verbatim one holds.
pub(crate) fn text(frame: &[u8]) -> Option<&[u8]> {
    let (line, rest) = first_line(frame)?;
    let (b'$' | b'=', Some(count)) = header(line) else { return None };
    let (held, end) = rest.split_at_checked(count)?;
    (end == b"\r\n").then_some(held)
}

/// The value of an integer reply.
pub(crate) fn integer(frame: &[u8]) -> Option<i64> {
    std::str::from_utf8(frame.strip_prefix(b":")?).ok()?.trim_end().parse().ok()
}

/// What a line's first byte says, and the count after it.
fn header(line: &[u8]) -> (u8, Option<usize>) {
    let (marker, digits) = line.split_first().unwrap_or((&0, b""));
    let digits = digits.strip_suffix(b"\r\n").and_then(|digits| str::from_utf8(digits).ok());
    (*marker, digits.and_then(|digits| digits.parse().ok()))
}

fn first_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(memchr::memmem::find(bytes, b"\r\n")? + 2)
}

fn read_line(stream: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    let start = line.len();
    while !line[start..].ends_with(b"\r\n") {
        if stream.read_until(b'\n', line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

fn read_exact(stream: &mut impl BufRead, count: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let read = stream.take(count as u64).read_to_end(bytes)?;
    if read == count { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}
