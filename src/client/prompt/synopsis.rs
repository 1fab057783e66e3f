//! The use of a synopsis to predict the next word.

use crate::command::{Command, Run, find, find_in};

/// The row that the typed words name, and the number of words in its name.
pub(super) fn row(words: &[&str]) -> Option<(&'static Command, usize)> {
    let command = find(words.first()?.as_bytes())?;
    if let (Run::Container(rows), Some(second)) = (command.run, words.get(1))
        && let Some(row) = find_in(rows, second.as_bytes())
    {
        return Some((row, 2));
    }
    Some((command, 1))
}

/// The arguments that the synopsis has after `given` ones.
pub(super) fn rest(synopsis: &'static str, given: usize) -> &'static str {
    let mut rest = synopsis;
    for _ in 0..given {
        let (first, following) = first_argument(rest);
        if following.is_empty() && first.ends_with("...") {
            break;
        }
        rest = following;
    }
    rest
}

/// The first argument, including blanks in its brackets, and the rest.
fn first_argument(synopsis: &str) -> (&str, &str) {
    let mut depth = 0_u32;
    for (at, letter) in synopsis.char_indices() {
        match letter {
            '[' | '<' => depth += 1,
            ']' | '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => return (&synopsis[..at], &synopsis[at + 1..]),
            _ => {}
        }
    }
    (synopsis, "")
}

/// The words that a synopsis has in capitals: options, typed literally.
pub(super) fn options(synopsis: &'static str) -> impl Iterator<Item = &'static str> {
    let words = synopsis.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && !word.contains(|letter: char| letter.is_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_still_to_come_are_found() {
        let synopsis = "<key> <value> [NX|XX] [EX <seconds>|PX <milliseconds>]";
        assert_eq!(rest(synopsis, 0), synopsis);
        assert_eq!(rest(synopsis, 2), "[NX|XX] [EX <seconds>|PX <milliseconds>]");
        assert_eq!(rest(synopsis, 3), "[EX <seconds>|PX <milliseconds>]");
        assert_eq!(rest(synopsis, 9), "");
        assert_eq!(rest("<key>...", 5), "<key>...");
        assert_eq!(rest("", 1), "");
    }

    #[test]
    fn options_are_the_words_in_capitals() {
        let found: Vec<_> = options("<key> [NX|XX] [EX <seconds>] [ID <id>...]").collect();
        assert_eq!(found, ["NX", "XX", "EX", "ID"]);
    }
}
