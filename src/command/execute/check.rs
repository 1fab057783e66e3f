//! The checks of a request before it is carried out: the command exists, the number of arguments is
//! right, the caller has the right, and arguments that the engines need not know are valid.

use bytes::Bytes;

use crate::command::builtin::connection::only_database;
use crate::command::context::{Context, Scripts};
use crate::command::session::space::Namespace;
use crate::command::session::state::Session;
use crate::command::table::{Command, Effect, Form, Local, Run, Who, find, find_in};
use crate::command::word::is_word;
use crate::command::work::By;
use crate::message::refusal::{shown, syntax};
use crate::message::{Args, ErrorReply, Request};

/// The longest part of an unknown subcommand that is repeated, in bytes.
const SHOWN: usize = 128;

/// The command of `request` and where it is carried out, or an error reply. The arguments that do
/// not belong to [`Work`] are removed.
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
        return Err(command.misuse());
    }
    may(context, session, command)?;
    match command.run {
        Run::Store => {
            session.store()?;
            args.drain(..words);
            Ok((command, By::Store))
        }
        Run::Local(local) => {
            args.drain(..words);
            look_at(command, local, args)?;
            Ok((command, By::Local(local)))
        }
        Run::Container(_) => Err(command.misuse()),
    }
}

fn unknown_subcommand(command: &Command, word: &[u8]) -> ErrorReply {
    let word = shown(word.get(..SHOWN).unwrap_or(word));
    let name = command.name.to_ascii_uppercase();
    ErrorReply::Failed(format!("unknown subcommand '{word}'. Try {name} HELP.").into())
}

/// Checks that the caller has the right to call `command`.
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
        (Who::OwnersOfKeys, _) if context.users.spaces.namespace() == Namespace::User => {
            return Ok(());
        }
        (Who::Administrators | Who::OwnersOfKeys, _) | (Who::Scripts, Scripts::Administrators) => {
            if session.is_administrator() {
                return Ok(());
            }
            context.users.audit.refuses(session.caller(), command.full_name);
            return Err(ErrorReply::Forbidden(command.full_name));
        }
    };
    context.users.audit.refuses(session.caller(), command.full_name);
    Err(ErrorReply::Coded(refused.into()))
}

/// Logs a command that not everyone may call, before it is carried out. Commands that are called
/// repeatedly with data are logged once per connection.
pub(crate) fn tell(context: &Context, session: &mut Session, command: &Command) {
    let always = match command.who {
        Who::Everyone => return,
        // These commands write their own entries, since only they know whose keys are meant.
        _ if matches!(command.run, Run::Local(Local::ClearDb | Local::KeySpace)) => return,
        Who::OwnersOfKeys => {
            if context.users.spaces.namespace() == Namespace::User && !session.is_abroad() {
                return;
            }
            true
        }
        Who::Scripts if context.scripts == Scripts::All => return,
        Who::Scripts => false,
        Who::Administrators => command.spec.effect != Effect::Store,
    };
    if always || session.is_first(command.full_name) {
        context.users.audit.administers(session.caller(), command.full_name);
    }
}

/// Checks arguments whose meaning differs from the store's, and removes those that the engines need
/// not know. In a transaction this happens at EXEC, as in Valkey.
pub(crate) fn narrow(command: &Command, args: &mut Args) -> Result<(), ErrorReply> {
    match command.arguments.form {
        Form::Count if !is_positive(&args[0]) => return Err(command.misuse()),
        Form::FlushMode => match &args[..] {
            [] => {}
            [mode] if is_word(mode, "async") || is_word(mode, "sync") => args.clear(),
            _ => return Err(syntax()),
        },
        Form::Schedule => match &args[..] {
            [] => {}
            [word] if is_word(word, "schedule") => {}
            _ => return Err(syntax()),
        },
        Form::Copy => copy(args)?,
        Form::Free | Form::Count => {}
    }
    Ok(())
}

/// Removes all of COPY's options except REPLACE: a client may not choose the store's database.
fn copy(args: &mut Args) -> Result<(), ErrorReply> {
    let mut replaces = false;
    let mut options = args[2..].iter();
    while let Some(option) = options.next() {
        if is_word(option, "replace") {
            replaces = true;
        } else if is_word(option, "db")
            && let Some(index) = options.next()
        {
            only_database(index)?;
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

/// Checks the option words of STATUS and SHUTDOWN.
fn look_at(command: &Command, local: Local, args: &[Bytes]) -> Result<(), ErrorReply> {
    let known: &[&str] = match local {
        Local::Status => &["json"],
        Local::Shutdown => &["nosave", "save", "now", "force"],
        _ => return Ok(()),
    };
    let all_known = args.iter().all(|arg| known.iter().any(|word| is_word(arg, word)));
    if all_known { Ok(()) } else { Err(command.misuse()) }
}

/// Whether `text` is a whole number above 0, of any size.
fn is_positive(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit) && text.iter().any(|digit| *digit != b'0')
}
