//! What a difference looks like to whoever has to explain it.

use std::fmt::Write;

use crate::word::Words;

/// A reply longer than this is cut, in what came before the difference.
const SHOWN: usize = 160;

/// A command with the replies of both servers.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) command: Words,
    pub(crate) reference: Vec<u8>,
    pub(crate) subject: Vec<u8>,
}

/// An exchange whose replies do not agree.
#[derive(Debug)]
pub(crate) struct Difference {
    /// How many commands were sent before it.
    pub(crate) number: usize,
    pub(crate) connection: usize,
    pub(crate) exchange: Exchange,
    /// The last exchanges of that connection, this one or its EXEC the last.
    pub(crate) before: Vec<Exchange>,
}

impl Difference {
    /// What makes it one of a kind: the command and how the two replies begin.
    pub(crate) fn kind(&self) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let Exchange { command, reference, subject } = &self.exchange;
        let start = |reply: &[u8]| reply[..reply.len().min(12)].to_vec();
        (command[0].to_ascii_uppercase(), start(reference), start(subject))
    }

    /// The whole story, over several lines.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("command {} on connection {}:\n", self.number, self.connection);
        let Exchange { command, reference, subject } = &self.exchange;
        let _ = writeln!(text, "  {}", line(command));
        let _ = writeln!(text, "    valkey: {}", reference.escape_ascii());
        let _ = writeln!(text, "    tested: {}", subject.escape_ascii());
        let _ = writeln!(text, "  the connection's last commands:");
        for Exchange { command, reference, subject } in &self.before {
            let _ = writeln!(text, "    {}", cut(&line(command)));
            let _ = writeln!(text, "      valkey: {}", cut(&reference.escape_ascii().to_string()));
            if subject != reference {
                let _ =
                    writeln!(text, "      tested: {}", cut(&subject.escape_ascii().to_string()));
            }
        }
        text
    }
}

fn line(command: &Words) -> String {
    let words = command.iter().map(|word| format!("\"{}\"", word.escape_ascii()));
    words.collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    match text.get(..SHOWN) {
        Some(start) => format!("{start}... ({} bytes)", text.len()),
        None => text.to_owned(),
    }
}
