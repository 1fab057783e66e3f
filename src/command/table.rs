//! The one table of commands: names, arguments, help and who may call them all come from here.

use crate::store::Verb;

/// One command.
#[derive(Debug)]
pub struct Command {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its arguments, as a synopsis has them; empty for none.
    pub synopsis: &'static str,
    /// What it does, in one sentence without its full stop.
    pub summary: &'static str,
    /// What it takes.
    pub arguments: Arguments,
    /// Who may call it.
    pub who: Who,
    /// What happens.
    pub run: Run,
}

/// What a command takes.
#[derive(Debug)]
pub struct Arguments {
    /// The fewest it can do with.
    pub least: usize,
    /// The most it can use.
    pub most: usize,
    /// The one, counted from 0, that is the rest of a text request's line.
    pub value_at: Option<usize>,
    /// The end of the sentence that tells of a wrong number: `"get" command ...`.
    pub rule: &'static str,
}

/// Who may call a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever may connect.
    Everyone,
    /// Administrators, see [`super::Administrators`].
    Administrators,
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The store does it.
    Store(Verb),
    /// The daemon does it.
    Local(Local),
}

/// What the daemon does itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// See [`COMMANDS`].
    Help,
    /// See [`COMMANDS`].
    Ping,
    /// See [`COMMANDS`].
    Quit,
    /// See [`COMMANDS`].
    RtKey,
    /// See [`COMMANDS`].
    Shutdown,
    /// See [`COMMANDS`].
    Status,
    /// See [`COMMANDS`].
    TxKey,
    /// See [`COMMANDS`].
    Version,
}

const MANY: usize = usize::MAX;

/// All commands, sorted by name.
pub static COMMANDS: &[Command] = &[
    store("cleardb", "", "removes every key", NONE, Verb::Clear).for_administrators(),
    store("dbsize", "", "gives the number of keys", NONE, Verb::Size),
    store("decr", "<key>", "takes 1 from the number at the key", KEY, Verb::Decr),
    store("exists", "<key>...", "counts those of the keys that exist", KEYS, Verb::Exists),
    store(
        "expire",
        "<key> <seconds>",
        "lets the key expire in so many seconds; gives 1, or 0 if there is no such key",
        takes(2, 2, "requires a key and a number of seconds."),
        Verb::Expire,
    ),
    store("get", "<key>", "gives the value at the key, or (nil)", KEY, Verb::Get),
    local(
        "help",
        "[command]",
        "lists the commands, or explains one",
        takes(0, 1, "takes at most the name of one command."),
        Local::Help,
    ),
    store("incr", "<key>", "adds 1 to the number at the key", KEY, Verb::Incr),
    store(
        "keys",
        "[pattern]",
        "lists all keys, or those that match the glob, sorted",
        takes(0, 1, "takes at most one pattern."),
        Verb::Keys,
    ),
    store(
        "last",
        "<count>",
        "gives the most recently set pairs, the newest last",
        takes(1, 1, "requires a positive number for count."),
        Verb::Last,
    ),
    store(
        "persist",
        "<key>",
        "lets the key no longer expire; gives 1, or 0 if it had no expiry",
        KEY,
        Verb::Persist,
    ),
    local("ping", "", "answers pong, whatever the store does", NONE, Local::Ping),
    store("pingdb", "", "answers PONG once the store has answered", NONE, Verb::Ping),
    local("quit", "", "answers BYE and closes the connection", NONE, Local::Quit),
    store("remove", "<key>...", "removes the keys and gives how many existed", KEYS, Verb::Del),
    local("rtkey", "", "makes a key of 16 characters that spreads over shards", NONE, Local::RtKey),
    store("save", "", "answers OK once all data is on disk", NONE, Verb::Save).for_administrators(),
    store(
        "set",
        "<key> <value>",
        "stores the value, which is the rest of the line, at the key",
        value_last(2, "requires a key and a value."),
        Verb::Set,
    ),
    store(
        "setex",
        "<key> <seconds> <value>",
        "stores the value at the key and lets it expire in so many seconds",
        value_last(3, "requires a key, a number of seconds and a value."),
        Verb::SetEx,
    ),
    local(
        "shutdown",
        "",
        "stops the daemon; its socket starts it again for the next client",
        NONE,
        Local::Shutdown,
    )
    .for_administrators(),
    local(
        "status",
        "[json]",
        "tells how the daemon and its store are, as text or as JSON",
        takes(0, 1, "takes nothing but the word json."),
        Local::Status,
    ),
    store(
        "ttl",
        "<key>",
        "gives the seconds until the key expires, -1 if never, -2 if there is no such key",
        KEY,
        Verb::Ttl,
    ),
    local("txkey", "", "makes a key of 12 characters that sorts by time", NONE, Local::TxKey),
    local("version", "", "gives the daemon's version", NONE, Local::Version),
];

const NONE: Arguments = takes(0, 0, "takes no arguments.");
const KEY: Arguments = takes(1, 1, "requires a key.");
const KEYS: Arguments = takes(1, MANY, "requires a key.");

const fn takes(least: usize, most: usize, rule: &'static str) -> Arguments {
    Arguments { least, most, value_at: None, rule }
}

/// Just `count` arguments, the last of which is a value.
const fn value_last(count: usize, rule: &'static str) -> Arguments {
    Arguments { least: count, most: count, value_at: Some(count - 1), rule }
}

const fn store(
    name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    verb: Verb,
) -> Command {
    Command { name, synopsis, summary, arguments, who: Who::Everyone, run: Run::Store(verb) }
}

const fn local(
    name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    local: Local,
) -> Command {
    Command { name, synopsis, summary, arguments, who: Who::Everyone, run: Run::Local(local) }
}

impl Command {
    const fn for_administrators(mut self) -> Command {
        self.who = Who::Administrators;
        self
    }
}

/// The longest name, in bytes.
const NAME_MAX: usize = 8;

/// The command of this name, in letters of any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0; NAME_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let at = COMMANDS.binary_search_by(|command| command.name.as_bytes().cmp(lower)).ok()?;
    COMMANDS.get(at)
}

/// Which argument of the command is the rest of a text request's line.
pub fn value_at(name: &[u8]) -> Option<usize> {
    find(name)?.arguments.value_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_letters_of_any_case() {
        for command in COMMANDS {
            assert!(command.name.len() <= NAME_MAX, "{}", command.name);
            for name in [command.name.to_owned(), command.name.to_uppercase()] {
                assert_eq!(find(name.as_bytes()).map(|found| found.name), Some(command.name));
            }
        }
        for name in [&b""[..], b"ge", b"gets", b"a name that is far too long", b"g\0t"] {
            assert!(find(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn every_row_reads_as_a_sentence() {
        for command in COMMANDS {
            assert!(!command.summary.ends_with('.'), "{}", command.name);
            assert!(command.arguments.rule.ends_with('.'), "{}", command.name);
            assert_eq!(command.arguments.most == 0, command.synopsis.is_empty());
        }
    }
}
