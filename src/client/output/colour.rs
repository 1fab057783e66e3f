//! Colours on terminals, unless `NO_COLOR` is set.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

/// The meaning of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A known command, or a good state.
    Good,
    /// An error, or a bad state.
    Bad,
    /// A number.
    Number,
    /// A stored string.
    Text,
    /// A minor detail.
    Faint,
    /// A heading.
    Strong,
}

/// The colours in use, if any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    coloured: bool,
}

impl Palette {
    /// The palette for standard output.
    pub(crate) fn for_output() -> Palette {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Palette { coloured: !refused && !dumb && io::stdout().is_terminal() }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Palette = Palette { coloured: false };

    /// Whether colours are in use.
    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    /// `text` in the colour of `tone`.
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
