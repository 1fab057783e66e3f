//! The commands between MULTI and EXEC.

use bytes::{Bytes, BytesMut};

use crate::command::table::Command;
use crate::command::work::{By, Work};
use crate::message::Args;

/// The commands that wait for EXEC. Their arguments are copied into one buffer: slices would keep
/// every buffer that they were read into, and single copies cost more than short arguments
/// themselves.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: Vec<Entry>,
    /// The arguments, in the order of the entries.
    data: BytesMut,
    /// The end of each argument in `data`.
    ends: Vec<usize>,
    /// Bytes of the requests in the form in which they were sent.
    sent: usize,
    /// A command was refused, so that EXEC will refuse all of them.
    pub(crate) is_spoilt: bool,
}

/// A command that waits for EXEC.
#[derive(Debug, Clone, Copy)]
struct Entry {
    command: &'static Command,
    by: By,
    /// The number of its arguments.
    args: u32,
}

impl Queue {
    /// Queues `work`; false if all requests together would exceed `limit` bytes, counted as the
    /// client's protocol sends them.
    pub(crate) fn push(&mut self, work: &Work, is_text: bool, limit: usize) -> bool {
        let sent = self.sent.saturating_add(sent_len(work, is_text));
        let Ok(args) = u32::try_from(work.args.len()) else { return false };
        if sent > limit {
            return false;
        }
        self.sent = sent;
        for arg in &work.args {
            self.data.extend_from_slice(arg);
            self.ends.push(self.data.len());
        }
        self.entries.push(Entry { command: work.command, by: work.by, args });
        true
    }

    /// The number of commands that wait.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.data.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.ends.capacity() * size_of::<usize>()
    }

    /// The commands with their arguments, in order.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (&'static Command, Vec<&[u8]>)> {
        let (mut start, mut ends) = (0, self.ends.iter());
        self.entries.iter().map(move |entry| {
            let args = (0..entry.args).map_while(|_| {
                let end = *ends.next()?;
                Some(&self.data[std::mem::replace(&mut start, end)..end])
            });
            (entry.command, args.collect())
        })
    }

    /// The commands, whose arguments are slices of one buffer.
    pub(crate) fn into_works(self) -> impl Iterator<Item = Work> {
        let (data, mut ends, mut start) = (self.data.freeze(), self.ends.into_iter(), 0);
        self.entries.into_iter().map(move |Entry { command, by, args }| {
            let args = (0..args).map_while(|_| {
                let end = ends.next()?;
                Some(data.slice(std::mem::replace(&mut start, end)..end))
            });
            Work { command, by, args: args.collect::<Args>() }
        })
    }
}

/// The words of a command's name, which are not among its arguments.
pub(crate) fn command_words(command: &Command) -> impl Iterator<Item = &'static str> {
    command.full_name.split(' ')
}

/// Bytes of the shortest request for `work`.
fn sent_len(work: &Work, is_text: bool) -> usize {
    let name = || command_words(work.command).map(str::len);
    let words = name().chain(work.args.iter().map(Bytes::len));
    if is_text {
        return words.map(|length| length + 1).sum();
    }
    let header = |number: usize| number.checked_ilog10().map_or(1, |log| log as usize + 1) + 3;
    let count = name().count() + work.args.len();
    header(count) + words.map(|length| header(length) + length + 2).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::{Run, find};

    fn work(words: &[&str]) -> Work {
        let command = find(words[0].as_bytes()).expect("a command");
        let by = match command.run {
            Run::Store => By::Store,
            Run::Local(local) => By::Local(local),
            Run::Container(_) => panic!("{words:?}"),
        };
        let args = words[1..].iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        Work { command, by, args }
    }

    #[test]
    fn commands_come_out_as_they_went_in() {
        let given = [&["set", "key", "value"][..], &["ping"], &["get", ""], &["echo", "word"]];
        let mut queue = Queue::default();
        for words in given {
            assert!(queue.push(&work(words), false, usize::MAX));
        }
        assert_eq!(queue.len(), given.len());
        let shown = queue.commands().map(|(command, args)| {
            let args = args.into_iter().map(|arg| String::from_utf8_lossy(arg).into_owned());
            std::iter::once(command.name.to_owned()).chain(args).collect::<Vec<_>>()
        });
        assert_eq!(shown.collect::<Vec<_>>(), given);
        let works = queue.into_works().map(|work| (work.command.name, work.args));
        let expected = given.map(|words| (words[0], work(words).args));
        assert_eq!(works.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn bytes_are_counted_as_each_protocol_sends_them() {
        for (words, is_text, request) in [
            (&["set", "key", "value"][..], true, "set key value\n"),
            (&["set", "key", ""], true, "set key \n"),
            (&["ping"], false, "*1\r\n$4\r\nping\r\n"),
            (&["echo", ""], false, "*2\r\n$4\r\necho\r\n$0\r\n\r\n"),
            (
                &["set", "0123456789", "value"],
                false,
                "*3\r\n$3\r\nset\r\n$10\r\n0123456789\r\n$5\r\nvalue\r\n",
            ),
        ] {
            assert_eq!(sent_len(&work(words), is_text), request.len(), "{request:?}");
            let mut queue = Queue::default();
            assert!(!queue.push(&work(words), is_text, request.len() - 1));
            assert!(queue.push(&work(words), is_text, request.len()));
            assert!(!queue.push(&work(words), is_text, 2 * request.len() - 1));
        }
    }

    #[test]
    fn memory_is_counted_whole_and_short_commands_take_little() {
        let mut queue = Queue::default();
        for _ in 0..10_000 {
            assert!(queue.push(&work(&["set", "key:1", "value:1"]), false, usize::MAX));
        }
        let least = 10_000 * ("key:1value:1".len() + size_of::<Entry>() + 2 * size_of::<usize>());
        assert!((least..=2 * least).contains(&queue.held()), "{}", queue.held());
    }
}
