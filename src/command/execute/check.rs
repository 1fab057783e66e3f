//! What is checked of a request before anything is done: that there is such a command, that its
//! arguments are right in number, that the caller may, and what the engines need not know.

use bytes::Bytes;

use crate::command::context::{Context, Scripts};
use crate::command::session::space::Namespace;
use crate::command::session::state::Session;
use crate::command::table::{Command, Local, Run, Who, find, find_in};
use crate::message::refusal::{shown, syntax};
use crate::message::{Args, ErrorReply, Request};
use crate::store::Verb;

/// How much of a word that is not known is repeated, in bytes.
const SHOWN: usize = 128;

/// Who carries out a request that passed all checks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// The store.
    Store(Verb),
    /// The daemon.
    Local(Local),
}

/// Such a request.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) command: &'static Command,
    pub(crate) by: By,
    /// A subcommand's name is among them only if the store does it.
    pub(crate) args: Args,
}

/// The command that `request` calls and who carries it out, or the reply that refuses it. Of the
/// arguments those are left that belong to [`Work`].
pub(crate) fn check(
    context: &Context,
    session: &Session,
    request: &mut Request,
) -> Result<(&'static Command, By), ErrorReply> {
    let Some(command) = find(&request.name) else {
        let (name, args) = (std::mem::take(&mut request.name), std::mem::take(&mut request.args));
        return Err(ErrorReply::Unknown(Box::new(Request { name, args })));
    };
    let args = &mut request.args;
    let (command, words) = match (command.run, args.first()) {
        (Run::Container(rows), Some(word)) => {
            (find_in(rows, word).ok_or_else(|| unknown_subcommand(command, word))?, 1)
        }
        (Run::Container(_), None) if command.arguments.least == 0 => {
            return Ok((command, By::Local(Local::Command)));
        }
        _ => (command, 0),
    };
    let count = args.len() - words.min(args.len());
    if !command.arguments.admit(count, session.is_text()) {
        return Err(misuse(command));
    }
    may(context, session, command)?;
    match command.run {
        Run::Store(verb) => {
            session.store()?;
            Ok((command, By::Store(verb)))
        }
        Run::Local(local) => {
            args.drain(..words);
            look_at(command, local, args)?;
            Ok((command, By::Local(local)))
        }
        Run::Container(_) => Err(misuse(command)),
    }
}

/// The command was called wrongly.
pub(crate) fn misuse(command: &Command) -> ErrorReply {
    ErrorReply::Misuse { command: command.full_name, rule: command.arguments.rule }
}

fn unknown_subcommand(command: &Command, word: &[u8]) -> ErrorReply {
    let word = shown(word.get(..SHOWN).unwrap_or(word));
    let name = command.name.to_ascii_uppercase();
    ErrorReply::Failed(format!("unknown subcommand '{word}'. Try {name} HELP.").into())
}

/// Whether the caller may.
pub(crate) fn may(
    context: &Context,
    session: &Session,
    command: &Command,
) -> Result<(), ErrorReply> {
    let refused = match (command.who, context.scripts) {
        (Who::Everyone, _) | (Who::Scripts, Scripts::All) => return Ok(()),
        (Who::Scripts, Scripts::No) => "NOPERM scripts are switched off (KVSOCK_SCRIPTS)",
        (Who::Scripts, Scripts::Prefixed) => {
            "NOPERM scripts are refused under a key prefix and per-user key spaces, since a script \
             can name any key"
        }
        (Who::OwnersOfKeys, _) if context.spaces.namespace() == Namespace::User => return Ok(()),
        (Who::Administrators | Who::OwnersOfKeys, _) | (Who::Scripts, Scripts::Administrators) => {
            if session.is_administrator() {
                return Ok(());
            }
            context.audit.refuses(session.caller(), command.full_name);
            return Err(ErrorReply::Forbidden(command.full_name));
        }
    };
    context.audit.refuses(session.caller(), command.full_name);
    Err(ErrorReply::Coded(refused.into()))
}

/// Tells the log of a command that not everybody may call, and that is about to be carried out.
/// Those that are called again and again with data are told once in a connection.
pub(crate) fn tell(context: &Context, session: &mut Session, command: &Command) {
    let always = match command.who {
        Who::Everyone => return,
        // They tell themselves, when they know whose keys are meant.
        _ if matches!(command.run, Run::Local(Local::ClearDb | Local::KeySpace)) => return,
        Who::OwnersOfKeys => {
            if context.spaces.namespace() == Namespace::User && !session.is_abroad() {
                return;
            }
            true
        }
        Who::Scripts if context.scripts == Scripts::All => return,
        Who::Scripts => false,
        Who::Administrators => command.run != Run::Store(Verb::Restore),
    };
    if always || session.is_first(command.full_name) {
        context.audit.administers(session.caller(), command.full_name);
    }
}

/// Checks the arguments that mean something else here than in the store, and leaves to the
/// engines only what they know. In a transaction that is not before EXEC, as in Valkey.
pub(crate) fn narrow(command: &Command, verb: Verb, args: &mut Args) -> Result<(), ErrorReply> {
    match verb {
        Verb::Last if !is_positive(&args[0]) => return Err(misuse(command)),
        Verb::Clear => match &args[..] {
            [] => {}
            [mode] if is_word(mode, "async") || is_word(mode, "sync") => args.clear(),
            _ => return Err(syntax()),
        },
        Verb::BgSave => match &args[..] {
            [] => {}
            [word] if is_word(word, "schedule") => {}
            _ => return Err(syntax()),
        },
        Verb::Copy => copy(args)?,
        _ => {}
    }
    Ok(())
}

/// Leaves of COPY's options only REPLACE: the store's database is not the client's to choose.
fn copy(args: &mut Args) -> Result<(), ErrorReply> {
    let mut replaces = false;
    let mut options = args[2..].iter();
    while let Some(option) = options.next() {
        if is_word(option, "replace") {
            replaces = true;
        } else if is_word(option, "db")
            && let Some(index) = options.next()
        {
            crate::command::builtin::connection::only_database(index)?;
        } else {
            return Err(syntax());
        }
    }
    args.truncate(2);
    if replaces {
        args.push(Bytes::from_static(b"REPLACE"));
    }
    Ok(())
}

/// Checks what the words of a text request may be.
fn look_at(command: &Command, local: Local, args: &[Bytes]) -> Result<(), ErrorReply> {
    let known: &[&str] = match local {
        Local::Status => &["json"],
        Local::Shutdown => &["nosave", "save", "now", "force"],
        _ => return Ok(()),
    };
    let all_known = args.iter().all(|arg| known.iter().any(|word| is_word(arg, word)));
    if all_known { Ok(()) } else { Err(misuse(command)) }
}

/// Whether `text` is this word, in letters of any case.
pub(crate) fn is_word(text: &[u8], word: &str) -> bool {
    text.eq_ignore_ascii_case(word.as_bytes())
}

/// Whether `text` is a whole number above 0, of whatever size.
fn is_positive(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit) && text.iter().any(|digit| *digit != b'0')
}
