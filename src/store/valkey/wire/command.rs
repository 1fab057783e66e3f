//! Commands, encoded for the server.

use bytes::Bytes;

use crate::message::Reply;
use crate::protocol::Outgoing;
use crate::protocol::resp::write_length;

/// Arguments longer than this are passed on without a copy. Shorter ones are copied, which costs
/// less.
pub(crate) const COPIED: usize = 2 * 1024;

/// The type that a reply must have unless it is an error.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Anything,
    Status,
    Integer,
    Text,
    Array,
}

impl Form {
    /// Whether `reply` has this form or is an error.
    pub(crate) fn fits(self, reply: &Reply) -> bool {
        match reply {
            _ if self == Form::Anything => true,
            Reply::Error(_) => true,
            Reply::Status(_) | Reply::Word(_) => self == Form::Status,
            Reply::Integer(_) => self == Form::Integer,
            Reply::Value(_) | Reply::Text(_) => self == Form::Text,
            Reply::Array(_) => self == Form::Array,
            _ => false,
        }
    }
}

/// A sequence of RESP commands, and the form of their replies.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    count: usize,
    bytes: Outgoing,
    form: Form,
}

impl Commands {
    /// A sequence of one command.
    pub(crate) fn one(words: &[&[u8]]) -> Commands {
        let mut commands = Commands::default();
        commands.push(words);
        commands
    }

    /// A sequence of one command whose reply has the form `form`, see [`Commands::answered_by`].
    pub(crate) fn for_a(form: Form, words: &[&[u8]]) -> Commands {
        let mut commands = Commands::one(words);
        commands.answered_by(form);
        commands
    }

    /// No command yet, with capacity for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Commands {
        Commands { bytes: Outgoing::with_room(bytes), ..Commands::default() }
    }

    /// Sets the form of every reply that is not an error. A reply of another form shows that
    /// replies are out of step with requests, and ends the connection.
    pub(crate) fn answered_by(&mut self, form: Form) {
        self.form = form;
    }

    /// The form of every reply that is not an error.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The number of commands.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Appends a whole command.
    pub(crate) fn push(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        for word in words {
            self.word(word);
        }
    }

    /// Begins a command of `words` words, including its name. The caller then appends the words.
    pub(crate) fn begin(&mut self, words: usize) {
        self.count += 1;
        write_length(b'*', words, self.bytes.text());
    }

    /// Appends words that are encoded already to the command that was begun.
    pub(crate) fn encoded(&mut self, words: &[u8]) {
        self.bytes.text().extend_from_slice(words);
    }

    /// Appends a word to the command that was begun.
    pub(crate) fn word(&mut self, word: &[u8]) {
        let text = self.bytes.text();
        write_length(b'$', word.len(), text);
        text.extend_from_slice(word);
        text.extend_from_slice(b"\r\n");
    }

    /// Appends one word, which is the concatenation of `parts`.
    pub(crate) fn joined(&mut self, parts: &[&[u8]]) {
        let text = self.bytes.text();
        write_length(b'$', parts.iter().map(|part| part.len()).sum(), text);
        for part in parts {
            text.extend_from_slice(part);
        }
        text.extend_from_slice(b"\r\n");
    }

    /// Appends a word. A long word is not copied.
    pub(crate) fn data(&mut self, word: &Bytes) {
        if word.len() <= COPIED {
            return self.word(word);
        }
        write_length(b'$', word.len(), self.bytes.text());
        self.bytes.hand_on(word.clone());
        self.bytes.text().extend_from_slice(b"\r\n");
    }

    /// The encoded commands.
    pub(crate) fn into_bytes(self) -> Outgoing {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(mut bytes: Outgoing, step: usize) -> Vec<u8> {
        let mut sent = Vec::new();
        while !bytes.is_empty() {
            let slices = bytes.slices();
            assert!(!slices.spilled());
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            drop(slices);
            let taken = step.min(all.len());
            sent.extend_from_slice(&all[..taken]);
            bytes.advance(taken);
        }
        assert_eq!(bytes.len(), 0);
        sent
    }

    #[test]
    fn commands_are_sent_as_they_were_written_whatever_one_write_takes() {
        let long = Bytes::from(vec![b'x'; COPIED + 1]);
        for step in [1, 3, 1000, 100_000] {
            let mut first = Commands::one(&[b"GET", b"k"]);
            first.begin(3);
            first.word(b"SET");
            first.joined(&[b"p:", b"k"]);
            first.data(&long);
            let mut second = Commands::default();
            second.begin(2);
            second.word(b"ECHO");
            second.data(&Bytes::from_static(b""));
            assert_eq!((first.count(), second.count()), (2, 1));
            let mut bytes = first.into_bytes();
            bytes.append(second.into_bytes());
            let long = String::from_utf8(long.to_vec()).expect("letters");
            let expected = format!(
                "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*3\r\n$3\r\nSET\r\n$3\r\np:k\r\n${}\r\n{long}\r\n\
                 *2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
                COPIED + 1
            );
            assert_eq!(bytes.len(), expected.len());
            assert_eq!(sent(bytes, step), expected.as_bytes(), "by {step}");
        }
    }
}
