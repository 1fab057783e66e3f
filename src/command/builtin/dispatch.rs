//! The call of each command that the daemon carries out itself, except those that end the
//! connection or the daemon.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{catalog, client, connection, help, info, keyspace, settings, status, transaction};
use crate::command::context::Context;
use crate::command::session::state::Session;
use crate::command::table::{Command, Local};
use crate::message::{ErrorReply, Reply};

/// Carries out one command. The futures of commands that ask the store are boxed, so that
/// connections that never call them do not carry their size.
pub(crate) async fn run(
    context: &Arc<Context>,
    session: &mut Session,
    command: &Command,
    local: Local,
    args: &[Bytes],
) -> Reply {
    match local {
        Local::Status if args.is_empty() => Box::pin(status::text(context, session)).await,
        Local::Status => Box::pin(status::json(context, session)).await,
        Local::ClearDb => {
            let cleared = Box::pin(keyspace::clear(context, session, command, args)).await;
            cleared.unwrap_or_else(Reply::Error)
        }
        Local::Info => Box::pin(info::reply(context, session, args)).await,
        Local::Watch => Box::pin(transaction::watch(context, session, args)).await,
        plain => answer(context, session, command, plain, args).unwrap_or_else(Reply::Error),
    }
}

/// Commands that do not ask the store.
fn answer(
    context: &Context,
    session: &mut Session,
    command: &Command,
    local: Local,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    match local {
        Local::Auth => connection::auth(args),
        Local::KeySpace => keyspace::choose(context, session, command, args),
        Local::Ping => connection::ping(session, command, args),
        Local::Hello => connection::hello(session, args),
        Local::Select => connection::select(args),
        Local::ClientKill => client::kill(context, session, args),
        Local::ClientList => client::list(context, session, args),
        Local::ClientNoEvict | Local::ClientNoTouch => client::switch(args),
        Local::ClientSetInfo => client::set_info(session, args),
        Local::ClientSetName => client::set_name(session, args),
        Local::CommandGetKeys => catalog::keys(args),
        Local::CommandList => catalog::list(args),
        plain => Ok(always(context, session, plain, args)),
    }
}

/// Commands that cannot fail.
fn always(context: &Context, session: &mut Session, local: Local, args: &[Bytes]) -> Reply {
    match local {
        Local::ClientGetName => client::name(session),
        Local::ClientHelp => help::subcommands("client"),
        Local::ClientId => client::id(session),
        Local::ClientInfo => client::info(session),
        Local::Command | Local::CommandInfo => catalog::info(args),
        Local::CommandCount => catalog::count(),
        Local::CommandDocs => catalog::docs(args),
        Local::CommandHelp => help::subcommands("command"),
        Local::ConfigGet => settings::get(args),
        Local::ConfigHelp => help::subcommands("config"),
        Local::Discard => transaction::discard(session),
        Local::Echo => Reply::Value(args[0].clone()),
        Local::Help => help::reply(args, session.is_text()),
        Local::MemoryHelp => help::subcommands("memory"),
        Local::Multi => transaction::multi(session),
        Local::ObjectHelp => help::subcommands("object"),
        Local::Quit => connection::quit(session),
        Local::Reset => connection::reset(session),
        Local::RtKey => Reply::Value(Bytes::copy_from_slice(&context.keys.rtkey())),
        Local::ScriptHelp => help::subcommands("script"),
        Local::Shutdown => Reply::Status("Shutting down server..."),
        Local::Time => time(),
        Local::TxKey => Reply::Value(Bytes::copy_from_slice(&context.keys.txkey())),
        Local::Unwatch => transaction::unwatch(session),
        Local::Version => Reply::Status(concat!("v", env!("CARGO_PKG_VERSION"))),
        other => unreachable!("{other:?} is carried out elsewhere"),
    }
}

/// Unix time as seconds and the remaining microseconds.
fn time() -> Reply {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let parts = [now.as_secs().to_string(), now.subsec_micros().to_string()];
    Reply::List(parts.into_iter().map(|part| Some(part.into())).collect())
}
