//! Colour on terminals, unless `NO_COLOR` is set.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A known command, a state that is well.
    Good,
    /// An error, a state that is not well.
    Bad,
    /// A number.
    Number,
    /// A stored string.
    Text,
    /// What is beside the point.
    Faint,
    /// A heading.
    Strong,
}

/// Whether and how to colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    coloured: bool,
}

impl Palette {
    /// For standard output.
    pub(crate) fn for_output() -> Palette {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Palette { coloured: !refused && !dumb && io::stdout().is_terminal() }
    }

    /// Colours nothing.
    #[cfg(test)]
    pub(crate) const PLAIN: Palette = Palette { coloured: false };

    /// Whether it colours.
    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    /// `text` in its colour.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> Cow<'_, str> {
        if !self.coloured || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Number => "36",
            Tone::Text => "33",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
    }
}
