//! A row of the table: its fields, and the functions that build it.

use crate::message::ErrorReply;

use super::places::Place;
use super::spec::Spec;

/// One command, or one subcommand.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The name, in lower case; the second word for a subcommand.
    pub name: &'static str,
    /// The full name; both words for a subcommand.
    pub full_name: &'static str,
    /// The group that help lists the command in.
    pub group: Group,
    /// The arguments as a synopsis; empty for none.
    pub synopsis: &'static str,
    /// The purpose, as a sentence without a full stop.
    pub summary: &'static str,
    /// The numbers of arguments.
    pub arguments: Arguments,
    /// The callers that may call the command.
    pub who: Who,
    /// When the command runs, if the daemon carries it out.
    pub turn: Turn,
    /// Where and how the command is carried out.
    pub run: Run,
    /// What the engines of the store know of the command.
    pub spec: Spec,
    /// The number of the row, counted from 0; subcommands come after all commands.
    pub index: usize,
}

/// The groups of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Commands on values.
    String,
    /// Commands on keys of any type.
    Key,
    /// Transactions and scripts.
    Transaction,
    /// Commands on the connection itself.
    Connection,
    /// Commands on the service as a whole.
    Server,
    /// Commands that only kvsock has.
    Own,
}

/// The numbers of arguments that a command takes. A subcommand's name does not count.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    /// The fewest arguments.
    pub least: usize,
    /// The most arguments.
    pub most: usize,
    /// The fewest arguments of a text request.
    pub least_in_text: usize,
    /// The index, from 0, of the argument that takes the rest of a text request's line.
    pub value_at: Option<usize>,
    /// The form of the arguments, if it is narrower than the store's.
    pub form: Form,
    /// The end of the error sentence for a wrong number: `"get" command ...`.
    pub rule: &'static str,
}

/// Forms of arguments that are narrower than the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Whatever the store takes.
    Free,
    /// A positive number first.
    Count,
    /// At most ASYNC or SYNC, which the engines need not know.
    FlushMode,
    /// At most SCHEDULE.
    Schedule,
    /// COPY's: no database but 0.
    Copy,
}

/// The callers that may call a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everyone who may connect.
    Everyone,
    /// Administrators, see [`crate::command::Administrators`].
    Administrators,
    /// Callers that `KVSOCK_SCRIPTS` lets run scripts.
    Scripts,
    /// Everyone where users have their own keys, otherwise administrators.
    OwnersOfKeys,
}

/// When a command of the daemon runs, if earlier requests of its pipeline wait for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// After the earlier requests: the command changes the session, ends it, or shows their
    /// effects.
    InOrder,
    /// At once: the command neither changes nor shows any state that other requests use or change.
    AtOnce,
}

/// Where and how a command is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// In the store.
    Store,
    /// In the daemon.
    Local(Local),
    /// By the subcommand that the next word names.
    Container(&'static [Command]),
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        self.full_name == other.full_name
    }
}

impl Eq for Command {}

/// The commands that the daemon carries out; the table's rows describe them.
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
    Arguments { least, most, least_in_text: least, value_at: None, form: Form::Free, rule }
}

/// Makes the argument at `position` a value: in a text request, the last one.
pub(super) const fn with_value(
    position: usize,
    least: usize,
    most: usize,
    rule: &'static str,
) -> Arguments {
    Arguments {
        least,
        most,
        least_in_text: least,
        value_at: Some(position),
        form: Form::Free,
        rule,
    }
}

/// A command that the store carries out.
pub(super) const fn store(
    name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    spec: Spec,
) -> Command {
    Command { spec, ..row(name, name, synopsis, summary, arguments, Run::Store) }
}

/// A command that the daemon carries out.
pub(super) const fn local(
    name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    local: Local,
) -> Command {
    row(name, name, synopsis, summary, arguments, Run::Local(local))
}

/// A command with subcommands.
pub(super) const fn container(
    name: &'static str,
    summary: &'static str,
    rule: &'static str,
    rows: &'static [Command],
) -> Command {
    let arguments = takes(1, MANY, rule);
    row(name, name, "<subcommand> [argument]...", summary, arguments, Run::Container(rows))
}

/// A subcommand.
pub(super) const fn sub(
    full_name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    run: Run,
) -> Command {
    row(second_word(full_name), full_name, synopsis, summary, arguments, run)
}

/// A subcommand that the store carries out.
pub(super) const fn substore(
    full_name: &'static str,
    synopsis: &'static str,
    summary: &'static str,
    arguments: Arguments,
    spec: Spec,
) -> Command {
    Command { spec, ..sub(full_name, synopsis, summary, arguments, Run::Store) }
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
    let (spec, index) = (Spec::NONE, 0);
    Command { name, full_name, group, synopsis, summary, arguments, who, turn, run, spec, index }
}

const fn second_word(name: &'static str) -> &'static str {
    let mut at = 0;
    while name.as_bytes()[at] != b' ' {
        at += 1;
    }
    name.split_at(at + 1).1
}

impl Arguments {
    /// Sets the fewest arguments of a text request.
    pub(super) const fn least_in_text(mut self, least: usize) -> Arguments {
        self.least_in_text = least;
        self
    }

    /// Narrows the form of the arguments.
    pub(super) const fn of_form(mut self, form: Form) -> Arguments {
        self.form = form;
        self
    }

    /// Whether `count` arguments are right, in a text request or in RESP.
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

    /// Sets the places of keys of a command that the daemon carries out.
    pub(super) const fn on(mut self, places: &'static [Place]) -> Command {
        self.spec.places = places;
        self
    }

    pub(super) const fn numbered(mut self, index: usize) -> Command {
        self.index = index;
        self
    }

    pub(super) const fn of_group(mut self, group: Group) -> Command {
        self.group = group;
        self
    }

    /// The synopsis of a text request, in which the value comes last.
    pub fn synopsis_in_text(&self) -> &'static str {
        let Some(value) = self.arguments.value_at else { return self.synopsis };
        let end = self.synopsis.match_indices(' ').nth(value).map(|(at, _)| at);
        end.map_or(self.synopsis, |at| &self.synopsis[..at])
    }
}
