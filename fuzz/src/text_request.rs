//! Requests in lines of text.

use kvsock::protocol::text;

use super::pieces;

/// A line's end.
const LINE_END: usize = 2;

pub fn check(input: &[u8]) {
    let Some((arrival, bytes)) = pieces::split(input) else { return };
    let found = pieces::check::<text::Decoder>(arrival, &bytes, LINE_END);
    if !found.is_broken() {
        assert_eq!(
            found.decoded.len(),
            answers(&bytes, arrival.max_request),
            "one line, one reply"
        );
    }
}

/// How many answers there have to be: one for each line that is not blank or too long, and one for
/// a last line that has no end.
fn answers(bytes: &[u8], max_request: usize) -> usize {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let unended = lines.pop().is_some_and(|line| !line.is_empty());
    let lines = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let answered = lines.filter(|line| {
        let is_blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        !is_blank || (max_request > 0 && line.len() > max_request)
    });
    answered.count() + usize::from(unended)
}
