//! KEYSPACE and CLEARDB: the choice of a key space, and the removal of its keys.

use std::sync::Arc;

use bytes::Bytes;

use crate::command::context::Context;
use crate::command::session::space::Namespace;
use crate::command::session::state::Session;
use crate::command::table::{Command, of_store};
use crate::command::word::is_word;
use crate::handover::KeySpace;
use crate::message::{Args, ErrorReply, Reply};
use crate::store::Operation;

/// The name in the log of CLEARDB on another user's keys.
const OF_ANOTHER: &str = "cleardb --user";

/// Switches an administrator's connection to the keys of all users, of one user, or its own.
pub(crate) fn choose(
    context: &Context,
    session: &mut Session,
    command: &Command,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let key_space = match args {
        [word] if is_word(word, "own") => KeySpace::Own,
        [word] if is_word(word, "all") => KeySpace::All,
        [word, uid] if is_word(word, "user") => KeySpace::User(uid_of(context, uid)?),
        _ => return Err(command.misuse()),
    };
    context.users.audit.administers_keys(session.caller(), command.full_name, key_space);
    session.end_transaction();
    go(context, session, key_space);
    Ok(Reply::OK)
}

/// Switches a connection to these keys.
pub(crate) fn go(context: &Context, session: &mut Session, key_space: KeySpace) {
    session.store = match key_space {
        KeySpace::Own => context.users.spaces.of(session.caller()),
        KeySpace::All => Some(Arc::clone(context.users.spaces.all())),
        KeySpace::User(uid) => match context.users.spaces.namespace() {
            Namespace::User => Some(context.users.spaces.of_user(uid)),
            // The client chose these keys under a daemon with other settings.
            Namespace::Shared => None,
        },
    };
    session.key_space = key_space;
}

/// Removes all keys of the connection's key space, or of another user's.
pub(crate) async fn clear(
    context: &Context,
    session: &Session,
    command: &Command,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let store = match args {
        [] => {
            let store = Arc::clone(session.store()?);
            tell_clear(context, session);
            store
        }
        [flag, uid] if is_word(flag, "--user") => {
            if !session.is_administrator() {
                context.users.audit.refuses(session.caller(), OF_ANOTHER);
                return Err(ErrorReply::Forbidden(OF_ANOTHER));
            }
            let uid = uid_of(context, uid)?;
            context.users.audit.administers_keys(session.caller(), OF_ANOTHER, KeySpace::User(uid));
            context.users.spaces.of_user(uid)
        }
        _ => return Err(command.misuse()),
    };
    let clear = Operation { command: const { of_store("FLUSHDB") }, args: Args::new() };
    match store.execute(vec![clear]).await.pop() {
        Some(Reply::Error(ErrorReply::OutcomeUnknown(_))) => {
            Err(ErrorReply::OutcomeUnknown(command.full_name))
        }
        Some(reply) => Ok(reply),
        None => Err(ErrorReply::Failed("the store gave no reply".into())),
    }
}

/// Logs that the keys of the session's key space are removed, unless they are only the caller's
/// own.
pub(crate) fn tell_clear(context: &Context, session: &Session) {
    if session.is_abroad() || context.users.spaces.namespace() == Namespace::Shared {
        context.users.audit.administers_keys(session.caller(), "cleardb", session.key_space);
    }
}

/// The uid that a request names.
fn uid_of(context: &Context, uid: &[u8]) -> Result<u32, ErrorReply> {
    let failed = |text: &'static str| Err(ErrorReply::Failed(text.into()));
    if context.users.spaces.namespace() == Namespace::Shared {
        return failed("all users share one key space (KVSOCK_NAMESPACE)");
    }
    let uid = std::str::from_utf8(uid).ok().and_then(|uid| uid.parse::<u32>().ok());
    uid.map_or_else(|| failed("a user is named by its uid, a number"), Ok)
}
