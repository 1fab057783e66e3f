//! Templates of pages: roff written by hand, with places for what is generated.
//!
//! A line `@setting NAME`, `@commands GROUP`, `@options PROGRAM` or `@subcommand NAME` is replaced
//! by what the definitions say; the lines from `@example` to `@end` are shown as they are; and
//! `@VERSION@` is the version.

use super::{arguments, commands, roff, settings};
use crate::{client, config};

/// A place for something that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \"{text}\" stands for nothing")]
pub struct TemplateError {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

/// The page that `template` is for.
pub(super) fn expand(template: &str) -> Result<String, TemplateError> {
    let mut page = String::with_capacity(2 * template.len());
    let mut lines = template.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        match line.strip_prefix('@') {
            Some("example") => {
                let shown: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| *line != "@end")
                    .collect();
                page.push_str(&roff::example(&shown));
            }
            Some(place) => {
                let error = || TemplateError { line: at + 1, text: line.to_owned() };
                page.push_str(&generated(place).ok_or_else(error)?);
            }
            None => {
                page.push_str(&line.replace("@VERSION@", env!("CARGO_PKG_VERSION")));
                page.push('\n');
            }
        }
    }
    Ok(page)
}

fn generated(place: &str) -> Option<String> {
    let (kind, name) = place.split_once(' ')?;
    match (kind, name) {
        ("setting", name) => settings::setting(name),
        ("commands", name) => commands::group(name),
        ("subcommand", name) => arguments::subcommand(&client::definition(), name),
        ("options", "kvsockd") => Some(arguments::options(config::command())),
        ("options", "kvsock") => Some(arguments::options(client::definition())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_for_something_that_does_not_exist_is_an_error() {
        for place in ["@setting MAX", "@commands zset", "@options nc", "@subcommand get", "@what"] {
            let error = expand(&format!(".SH NAME\n{place}\n")).expect_err(place);
            assert_eq!((error.line, &error.text[..]), (2, place));
        }
    }

    #[test]
    fn what_is_written_by_hand_stays() {
        assert_eq!(
            expand(".SH NAME\nkvsock\n@example\n.a\n@end\nb\n").unwrap(),
            ".SH NAME\nkvsock\n.PP\n.in +4n\n.EX\n\\&.a\n.EE\n.in\nb\n"
        );
    }
}
