//! COMMAND: the table of commands, in the forms that client libraries read.

use bytes::Bytes;

use crate::command::table::places::{Misplaced, Place, Positions};
use crate::command::table::{COMMANDS, Command, Effect, Group, Run, Who, find, find_in};
use crate::command::word::is_word;
use crate::message::refusal::syntax;
use crate::message::{ErrorReply, Reply};
use crate::store::glob_matches;

/// The number of commands.
pub(crate) fn count() -> Reply {
    Reply::Integer(i64::try_from(COMMANDS.len()).unwrap_or(i64::MAX))
}

/// Descriptions of all commands, or of the named ones.
pub(crate) fn info(names: &[Bytes]) -> Reply {
    if names.is_empty() {
        return Reply::Array(COMMANDS.iter().map(description).collect());
    }
    let described = |name: &Bytes| find_by_full_name(name).map_or(Reply::Nil, description);
    Reply::Array(names.iter().map(described).collect())
}

/// Documentation of all commands, or of the named ones that exist.
pub(crate) fn docs(names: &[Bytes]) -> Reply {
    if names.is_empty() {
        return Reply::Map(COMMANDS.iter().map(documentation).collect());
    }
    let found = names.iter().filter_map(|name| find_by_full_name(name));
    Reply::Map(found.map(documentation).collect())
}

/// Names of all commands, or of those that pass a filter.
pub(crate) fn list(args: &[Bytes]) -> Result<Reply, ErrorReply> {
    let (filter, wanted) = match args {
        [] => return Ok(names(|_| true)),
        [by, filter, wanted] if is_word(by, "filterby") => (filter, wanted),
        _ => return Err(syntax()),
    };
    if is_word(filter, "pattern") {
        Ok(names(|command| glob_matches(wanted, command.name.as_bytes())))
    } else if is_word(filter, "aclcat") {
        Ok(names(|command| is_word(wanted, category(command))))
    } else if is_word(filter, "module") {
        Ok(names(|_| false))
    } else {
        Err(syntax())
    }
}

/// The keys among the words of a command.
pub(crate) fn keys(words: &[Bytes]) -> Result<Reply, ErrorReply> {
    let failed = |text: &'static str| Err(ErrorReply::Failed(text.into()));
    let Some(mut command) = find(&words[0]) else { return failed("Invalid command specified") };
    let mut args = &words[1..];
    if let (Run::Container(rows), Some(word)) = (command.run, words.get(1)) {
        let Some(sub) = find_in(rows, word) else { return failed("Invalid command specified") };
        (command, args) = (sub, &args[1..]);
    }
    if command.spec.places.is_empty() {
        return failed("The command has no key arguments");
    }
    if !command.arguments.admit(args.len(), false) {
        return failed("Invalid number of arguments specified for command");
    }
    let positions = match Positions::find(command.spec.places, args) {
        // As on a server, the last pair need not be complete here.
        Err(Misplaced::Incomplete) => {
            Positions::find(command.spec.places, &[args, &[Bytes::new()]].concat())
        }
        found => found,
    };
    let Ok(positions) = positions else {
        return failed("Invalid arguments specified for command");
    };
    let keys = args.iter().enumerate().filter(|(position, _)| positions.include(*position));
    Ok(Reply::List(keys.map(|(_, key)| Some(key.clone())).collect()))
}

fn names(wanted: impl Fn(&Command) -> bool) -> Reply {
    let chosen = COMMANDS.iter().filter(|command| wanted(command));
    Reply::Array(chosen.map(|command| Reply::value(command.name)).collect())
}

/// A command by its name, or a subcommand by both words with a bar between them.
fn find_by_full_name(name: &[u8]) -> Option<&'static Command> {
    match name.iter().position(|byte| *byte == b'|') {
        None => find(name),
        Some(bar) => match find(&name[..bar])?.run {
            Run::Container(rows) => find_in(rows, &name[bar + 1..]),
            _ => None,
        },
    }
}

fn full_name(command: &Command) -> Reply {
    Reply::Value(command.full_name.replace(' ', "|").into())
}

/// The ten fields of COMMAND INFO. Tips and key specifications stay empty: the first six fields
/// describe the keys.
fn description(command: &Command) -> Reply {
    let (first, last, step) = key_positions(command);
    let words = words(command);
    let arity = i64::try_from(command.arguments.least + words).unwrap_or(i64::MAX);
    let is_exact = command.arguments.least == command.arguments.most;
    let category = Reply::Word(format!("@{}", category(command)));
    let subcommands = match command.run {
        Run::Container(rows) => rows.iter().map(description).collect(),
        _ => Vec::new(),
    };
    Reply::Array(vec![
        full_name(command),
        Reply::Integer(if is_exact { arity } else { -arity }),
        Reply::Set(flags(command)),
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::Integer(step),
        Reply::Set(vec![category]),
        Reply::Set(Vec::new()),
        Reply::Set(Vec::new()),
        Reply::Array(subcommands),
    ])
}

/// The number of words in the name.
fn words(command: &Command) -> usize {
    1 + usize::from(command.name != command.full_name)
}

fn flags(command: &Command) -> Vec<Reply> {
    let effect = match command.run {
        Run::Store if command.spec.places.is_empty() => None,
        Run::Store if command.spec.effect == Effect::Read => Some(Reply::Status("readonly")),
        Run::Store => Some(Reply::Status("write")),
        Run::Local(_) => Some(Reply::Status("loading")),
        Run::Container(_) => None,
    };
    let admin = (command.who == Who::Administrators).then_some(Reply::Status("admin"));
    effect.into_iter().chain(admin).collect()
}

/// First key, last key and step, as COMMAND INFO counts them.
fn key_positions(command: &Command) -> (i64, i64, i64) {
    let [Place::Range { first, last, step }, ..] = *command.spec.places else {
        return (0, 0, 0);
    };
    let words = words(command);
    let number = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    let last =
        if last < 0 { -number(last.unsigned_abs()) } else { number(last.unsigned_abs() + words) };
    (number(first + words), last, number(step))
}

/// The closest category of Valkey's access control.
fn category(command: &Command) -> &'static str {
    match command.group {
        Group::String => "string",
        Group::Key => "keyspace",
        Group::Transaction => "transaction",
        Group::Connection => "connection",
        Group::Server => "admin",
        Group::Own => "kvsock",
    }
}

fn documentation(command: &Command) -> (Reply, Reply) {
    let group = match command.group {
        Group::String => "string",
        Group::Key => "generic",
        Group::Transaction => "transactions",
        Group::Connection => "connection",
        Group::Server | Group::Own => "server",
    };
    let mut fields = vec![
        (Reply::value("summary"), Reply::value(command.summary)),
        (Reply::value("since"), Reply::value(env!("CARGO_PKG_VERSION"))),
        (Reply::value("group"), Reply::value(group)),
    ];
    match command.run {
        Run::Container(rows) => {
            let rows = rows.iter().map(documentation).collect();
            fields.push((Reply::value("subcommands"), Reply::Map(rows)));
        }
        _ if !command.synopsis.is_empty() => {
            let arguments = super::synopsis::arguments(command.synopsis);
            fields.push((Reply::value("arguments"), Reply::Array(arguments)));
        }
        _ => {}
    }
    (full_name(command), Reply::Map(fields))
}
