//! Files as systemd reads them for `EnvironmentFile=`: after `parse_env_file_internal()` of its
//! `src/basic/env-file.c`, which systemd.exec(5) describes.

use std::iter::Peekable;
use std::str::Chars;

/// Names and values in order.
pub(super) fn read(text: &str) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), text.chars().peekable());
    loop {
        while rest.next_if(|blank| is_white(*blank)).is_some() {}
        match rest.peek() {
            None => return found,
            Some('#' | ';') => {
                while rest.next().is_some_and(|character| !is_line_end(character)) {}
                continue;
            }
            Some(_) => {}
        }
        let mut name = String::new();
        while let Some(character) = rest.next_if(|it| *it != '=' && !is_line_end(*it)) {
            name.push(character);
        }
        if rest.next() == Some('=') {
            found.push((name.trim_end_matches(is_white).to_owned(), value(&mut rest)));
        }
    }
}

/// A value, and its line's end.
fn value(rest: &mut Peekable<Chars<'_>>) -> String {
    let (mut value, mut is_plain) = (String::new(), false);
    // Up to here blanks are kept: they were quoted, or something stands after them.
    let mut kept = 0;
    while let Some(character) = rest.next() {
        match character {
            _ if is_line_end(character) => break,
            '"' | '\'' if !is_plain => {
                quoted(rest, character, &mut value);
                kept = value.len();
            }
            blank if is_white(blank) => {
                if is_plain {
                    value.push(blank);
                }
            }
            '\\' => {
                is_plain = true;
                value.extend(rest.next().filter(|escaped| !is_line_end(*escaped)));
                kept = value.len();
            }
            other => {
                is_plain = true;
                value.push(other);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    value
}

/// What stands between quotes, the closing one taken away.
fn quoted(rest: &mut impl Iterator<Item = char>, quote: char, value: &mut String) {
    while let Some(character) = rest.next() {
        match character {
            _ if character == quote => return,
            '\\' if quote == '"' => match rest.next() {
                Some(escaped @ ('"' | '\\' | '`' | '$')) => value.push(escaped),
                Some('\n') | None => {}
                Some(other) => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

/// The blanks of systemd's `WHITESPACE`.
fn is_white(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}
