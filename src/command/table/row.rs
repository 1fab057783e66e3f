//! What a row of the table says, and how rows are written.

use crate::message::ErrorReply;
use crate::store::Verb;

/// One command, or one subcommand.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name, in lower case: of a subcommand the second word.
    pub name: &'static str,
    /// Its name in full: of a subcommand both words.
    pub full_name: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// Its arguments, as a synopsis has them; empty for none.
    pub synopsis: &'static str,
    /// What it does, in one sentence without its full stop.
    pub summary: &'static str,
    /// What it takes.
    pub arguments: Arguments,
    /// Who may call it.
    pub who: Who,
    /// When it runs, where the daemon does it.
    pub turn: Turn,
    /// What happens.
    pub run: Run,
}

/// What commands belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Values.
    String,
    /// Keys, whatever their values.
    Key,
    /// Several commands as one.
    Transaction,
    /// The connection itself.
    Connection,
    /// The service as a whole.
    Server,
    /// What only kvsock has.
    Own,
}

/// What a command takes. A subcommand's name does not count.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    /// The fewest it can do with.
    pub least: usize,
    /// The most it can use.
    pub most: usize,
    /// The fewest of a text request.
    pub least_in_text: usize,
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
    /// Administrators, see [`crate::command::Administrators`].
    Administrators,
    /// Whom `KVSOCK_SCRIPTS` lets run scripts.
    Scripts,
    /// Everyone where users have keys of their own, otherwise administrators.
    OwnersOfKeys,
}

/// When a command of the daemon's own runs, in a pipeline whose earlier requests wait for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// After the earlier requests: it changes the session, ends it, or shows what they have done.
    InOrder,
    /// At once: it neither changes nor shows anything that other requests depend on or change.
    AtOnce,
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The store does it.
    Store(Verb),
    /// The daemon does it.
    Local(Local),
    /// What the next word says, one of these.
    Container(&'static [Command]),
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        self.full_name == other.full_name
    }
}

impl Eq for Command {}

/// What the daemon does itself; the rows of the table say what that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the command of its name")]
pub enum Local {
    Auth,
    ClearDb,
    ClientGetName,
    ClientHelp,
    ClientId,
    ClientInfo,
    ClientKill,
    ClientList,
    ClientNoEvict,
    ClientNoTouch,
    ClientSetInfo,
    ClientSetName,
    Command,
    CommandCount,
    CommandDocs,
    CommandGetKeys,
    CommandHelp,
    CommandInfo,
    CommandList,
    ConfigGet,
    ConfigHelp,
    Discard,
    Echo,
    Exec,
    Hello,
    Help,
    Info,
    KeySpace,
    MemoryHelp,
    Multi,
    ObjectHelp,
    Ping,
    Quit,
    Reset,
    RtKey,
    ScriptHelp,
    Select,
    Shutdown,
    Status,
    Time,
    TxKey,
    Unwatch,
    Version,
    Watch,
}

/// No upper bound.
pub(super) const MANY: usize = usize::MAX;

pub(super) const NONE: Arguments = takes(0, 0, "takes no arguments.");
pub(super) const KEY: Arguments = takes(1, 1, "requires a key.");
pub(super) const KEYS: Arguments = takes(1, MANY, "requires a key.");

/// From `least` to `most` arguments.
pub(super) const fn takes(least: usize, most: usize, rule: &'static str) -> Arguments {
    Arguments { least, most, least_in_text: least, value_at: None, rule }
}

/// The argument at `position` is a value: in a text request the last one.
pub(super) const fn with_value(
    position: usize,
    least: usize,
    most: usize,
    rule: &'static str,
) -> Arguments {
    Arguments { least, most, least_in_text: least, value_at: Some(position), rule }
}

/// A command of the store.
pub(super) const fn store(
    name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    verb: Verb,
) -> Command {
    row(name, name, synopsis, summary, arguments, Run::Store(verb))
}

/// A command of the daemon's own.
pub(super) const fn local(
    name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    local: Local,
) -> Command {
    row(name, name, synopsis, summary, arguments, Run::Local(local))
}

/// A command whose next word says what it does.
pub(super) const fn container(
    name: &'static str,
    summary: &'static str,
    rule: &'static str,
    rows: &'static [Command],
) -> Command {
    let arguments = takes(1, MANY, rule);
    row(name, name, "<subcommand> [argument]...", summary, arguments, Run::Container(rows))
}

/// One of a container's subcommands.
pub(super) const fn sub(
    full_name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    run: Run,
) -> Command {
    row(second_word(full_name), full_name, synopsis, summary, arguments, run)
}

const fn row(
    name: &'static str,
    full_name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    run: Run,
) -> Command {
    let (group, who, turn) = (Group::Own, Who::Everyone, Turn::InOrder);
    Command { name, full_name, group, synopsis, summary, arguments, who, turn, run }
}

const fn second_word(name: &'static str) -> &'static str {
    let mut at = 0;
    while name.as_bytes()[at] != b' ' {
        at += 1;
    }
    name.split_at(at + 1).1
}

impl Arguments {
    /// A text request may do with fewer.
    pub(super) const fn least_in_text(mut self, least: usize) -> Arguments {
        self.least_in_text = least;
        self
    }

    /// Whether so many are right, in a text request or otherwise.
    pub fn admit(&self, count: usize, in_text: bool) -> bool {
        if !in_text {
            return count >= self.least && count <= self.most;
        }
        let most = self.value_at.map_or(self.most, |value| value + 1);
        count >= self.least_in_text && count <= most
    }
}

impl Command {
    /// The error reply to a call with a wrong number or form of arguments.
    pub(crate) fn misuse(&self) -> ErrorReply {
        ErrorReply::Misuse { command: self.full_name, rule: self.arguments.rule }
    }

    pub(super) const fn for_administrators(mut self) -> Command {
        self.who = Who::Administrators;
        self
    }

    pub(super) const fn for_owners(mut self) -> Command {
        self.who = Who::OwnersOfKeys;
        self
    }

    pub(super) const fn for_scripts(mut self) -> Command {
        self.who = Who::Scripts;
        self
    }

    pub(super) const fn at_once(mut self) -> Command {
        self.turn = Turn::AtOnce;
        self
    }

    pub(super) const fn of_group(mut self, group: Group) -> Command {
        self.group = group;
        self
    }

    /// The synopsis of a text request: its value ends it.
    pub fn synopsis_in_text(&self) -> &'static str {
        let Some(value) = self.arguments.value_at else { return self.synopsis };
        let end = self.synopsis.match_indices(' ').nth(value).map(|(at, _)| at);
        end.map_or(self.synopsis, |at| &self.synopsis[..at])
    }
}
