//! KEYSPACE and CLEARDB: whose keys are worked on, and whose are removed.

use std::sync::Arc;

use bytes::Bytes;

use super::check::{is_word, misuse};
use super::context::Context;
use super::session::Session;
use super::space::Namespace;
use super::table::Command;
use crate::message::{Args, ErrorReply, Reply};
use crate::store::{Operation, Store, Verb};

/// CLEARDB as it is told of when it is another user's keys that go.
const OF_ANOTHER: &str = "cleardb --user";

/// Lets an administrator's connection work on the keys of all users, of one, or its own again.
pub(super) fn choose(
    context: &Context,
    session: &mut Session,
    command: &Command,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let store = match args {
        [word] if is_word(word, "own") => context.spaces.of(session.caller()),
        [word] if is_word(word, "all") => Some(Arc::clone(context.spaces.all())),
        [word, uid] if is_word(word, "user") => Some(of_user(context, uid)?),
        _ => return Err(misuse(command)),
    };
    session.end_transaction();
    session.store = store;
    session.is_abroad = !is_word(&args[0], "own");
    Ok(Reply::OK)
}

/// Removes all keys of the connection's key space, or of another user's.
pub(super) async fn clear(
    context: &Context,
    session: &Session,
    command: &Command,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let store = match args {
        [] => {
            let store = Arc::clone(session.store()?);
            if session.is_abroad || context.spaces.namespace() == Namespace::Shared {
                context.audit.administers(session.caller(), "cleardb");
            }
            store
        }
        [flag, uid] if is_word(flag, "--user") => {
            if !session.is_administrator() {
                context.audit.refuses(session.caller(), OF_ANOTHER);
                return Err(ErrorReply::Forbidden(OF_ANOTHER));
            }
            let store = of_user(context, uid)?;
            context.audit.administers(session.caller(), OF_ANOTHER);
            store
        }
        _ => return Err(misuse(command)),
    };
    let clear = Operation { verb: Verb::Clear, args: Args::new() };
    match store.execute(vec![clear]).await.pop() {
        Some(Reply::Error(ErrorReply::OutcomeUnknown(_))) => {
            Err(ErrorReply::OutcomeUnknown(command.full_name))
        }
        Some(reply) => Ok(reply),
        None => Err(ErrorReply::Failed("the store gave no reply".into())),
    }
}

fn of_user(context: &Context, uid: &[u8]) -> Result<Arc<Store>, ErrorReply> {
    let failed = |text: &'static str| Err(ErrorReply::Failed(text.into()));
    if context.spaces.namespace() == Namespace::Shared {
        return failed("all users share one key space (KVSOCK_NAMESPACE)");
    }
    let uid = std::str::from_utf8(uid).ok().and_then(|uid| uid.parse::<u32>().ok());
    uid.map_or_else(
        || failed("a user is named by its uid, a number"),
        |uid| Ok(context.spaces.of_user(uid)),
    )
}
