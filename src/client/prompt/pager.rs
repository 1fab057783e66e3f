//! A pager for output that is longer than the terminal.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// A pager that leaves short output on the screen and shows colours.
const DEFAULT: &str = "less -FRX";

/// Writes `text` to standard output, through a pager if it is long.
pub(super) fn show(text: &[u8]) -> io::Result<()> {
    if is_long(text) && page(text).is_ok() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// Whether the text does not fit on the terminal beside one line for the prompt.
fn is_long(text: &[u8]) -> bool {
    let Ok((columns, rows)) = crossterm::terminal::size() else { return false };
    lines_of(text, usize::from(columns)) >= usize::from(rows)
}

/// The number of lines of `text` on a terminal of this width, with one column per byte.
fn lines_of(text: &[u8], columns: usize) -> usize {
    text.split(|byte| *byte == b'\n').map(|line| line.len().div_ceil(columns.max(1)).max(1)).sum()
}

fn page(text: &[u8]) -> io::Result<()> {
    let pager = std::env::var_os("PAGER").filter(|pager| !pager.is_empty());
    let pager = pager.unwrap_or_else(|| DEFAULT.into());
    if pager.to_str().is_some_and(|pager| !is_there(pager)) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut child = Command::new("/bin/sh").arg("-c").arg(pager).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // The user may leave the pager before it has read all of the text.
        let _ = input.write_all(text);
    }
    child.wait().map(drop)
}

/// Whether the shell finds the program of the pager's command line.
fn is_there(pager: &str) -> bool {
    let Some(program) = pager.split_ascii_whitespace().next() else { return false };
    Command::new("/bin/sh")
        .args(["-c", "command -v \"$1\" >/dev/null", "sh", program])
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_count_as_often_as_they_wrap() {
        assert_eq!(lines_of(b"", 80), 1);
        assert_eq!(lines_of(b"a\n\nb", 80), 3);
        assert_eq!(lines_of(&[b'x'; 161], 80), 3);
    }
}
