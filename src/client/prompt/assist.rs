//! The help while a request is typed: completion, the missing arguments, and colours, all taken
//! from the table of commands.

use std::borrow::Cow;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::synopsis::{options, rest, row};
use crate::client::output::colour::{Palette, Tone};
use crate::command::{COMMANDS, Run, find};

/// The helper of the line editor.
pub(super) struct Assist {
    palette: Palette,
}

impl Assist {
    /// Uses the colours of `palette`. Without colours it gives no hints, since they would look like
    /// typed text.
    pub(super) fn new(palette: Palette) -> Assist {
        Assist { palette }
    }
}

impl Helper for Assist {}
impl Validator for Assist {}

impl Completer for Assist {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..pos];
        let start = typed.rfind([' ', '\t']).map_or(0, |at| at + 1);
        let (before, word) = typed.split_at(start);
        let candidates = candidates(before).into_iter().filter(|candidate| {
            candidate.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
        });
        let is_capital = word.starts_with(|first: char| first.is_ascii_uppercase());
        let candidates = candidates.map(|candidate| {
            let name = if is_capital { candidate.to_uppercase() } else { candidate.to_owned() };
            Pair { display: name.clone(), replacement: name + " " }
        });
        Ok((start, candidates.collect()))
    }
}

/// The words that may follow the text before the cursor.
fn candidates(before: &str) -> Vec<&'static str> {
    let words: Vec<_> = before.split_ascii_whitespace().collect();
    let names = || COMMANDS.iter().map(|command| command.name);
    match &words[..] {
        [] => names().chain(["exit"]).collect(),
        [help] if help.eq_ignore_ascii_case("help") => names().collect(),
        [name] if let Some(Run::Container(rows)) = find(name.as_bytes()).map(|row| row.run) => {
            rows.iter().map(|row| row.name).collect()
        }
        _ => {
            let Some((row, names)) = row(&words) else { return Vec::new() };
            // An unquoted value includes the rest of the line.
            let value = row.arguments.value_at.map(|at| at + names);
            if value.is_some_and(|at| words.len() <= at || !before.trim_end().ends_with('"')) {
                return Vec::new();
            }
            let is_new =
                |option: &&str| !words.iter().any(|word| word.eq_ignore_ascii_case(option));
            options(row.synopsis).filter(is_new).collect()
        }
    }
}

impl Hinter for Assist {
    type Hint = String;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<String> {
        if pos < line.len() || !self.palette.is_coloured() {
            return None;
        }
        hint(line)
    }
}

/// The arguments that `line` lacks.
fn hint(line: &str) -> Option<String> {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let (row, names) = row(&words)?;
    let is_between = line.ends_with([' ', '\t']);
    let rest = rest(row.synopsis_in_text(), words.len() - names);
    // A name that is the beginning of other names may be incomplete.
    if rest.is_empty() || words.len() == names && !is_between && is_ambiguous(words[0]) {
        return None;
    }
    Some(if is_between { rest.to_owned() } else { format!(" {rest}") })
}

fn is_ambiguous(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    COMMANDS.iter().filter(|command| command.name.starts_with(&name)).count() > 1
}

impl Highlighter for Assist {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let start = line.len() - line.trim_ascii_start().len();
        let end = line[start..].find([' ', '\t']).map_or(line.len(), |at| start + at);
        let name = &line[start..end];
        if find(name.as_bytes()).is_none() {
            return Cow::Borrowed(line);
        }
        let name = self.palette.paint(Tone::Good, name);
        Cow::Owned([&line[..start], &name, &line[end..]].concat())
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        self.palette.paint(Tone::Strong, prompt)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        self.palette.paint(Tone::Faint, hint)
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.palette.is_coloured()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_from_the_table() {
        assert!(candidates("").contains(&"setex"));
        assert!(candidates("help ").contains(&"get"));
        assert!(candidates("frob ").is_empty());
        assert!(candidates("set k v ").is_empty());
    }

    #[test]
    fn the_arguments_still_to_come_are_shown() {
        assert_eq!(hint("setex ").as_deref(), Some("<key> <seconds> <value>"));
        assert_eq!(hint("setex k").as_deref(), Some(" <seconds> <value>"));
        assert_eq!(hint("setex k 1 v"), None);
        assert_eq!(hint("get"), None, "getdel begins so too");
        assert_eq!(hint("frob "), None);
    }
}
