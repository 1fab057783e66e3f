//! Commands that act on the connection itself: PING, QUIT, SELECT, AUTH, HELLO, RESET.

use bytes::Bytes;

use super::client::checked_name;
use crate::command::session::state::Session;
use crate::command::table::Command;
use crate::command::word::is_word;
use crate::message::refusal::{shown, syntax};
use crate::message::{ErrorReply, Protocol, Reply};
use crate::store::integer;

/// The version of Valkey that kvsock is compatible with.
pub(crate) const VALKEY_VERSION: &str = "8.0.1";

/// `pong`, in the spelling of the protocol, or the message.
pub(crate) fn ping(
    session: &Session,
    command: &Command,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    match args {
        [] if session.is_text() => Ok(Reply::Status("pong")),
        [] => Ok(Reply::Status("PONG")),
        [message] => Ok(Reply::Value(message.clone())),
        // As in Valkey, the count is checked only here, so that a transaction may queue the
        // command.
        _ => Err(command.misuse()),
    }
}

/// The last reply on a connection.
pub(crate) fn quit(session: &Session) -> Reply {
    if session.is_text() { Reply::Status("BYE") } else { Reply::OK }
}

/// Accepts database 0, the only one.
pub(crate) fn select(args: &[Bytes]) -> Result<Reply, ErrorReply> {
    only_database(&args[0]).map(|()| Reply::OK)
}

/// Checks that `index` is 0.
pub(crate) fn only_database(index: &[u8]) -> Result<(), ErrorReply> {
    let failed = |text: &'static str| Err(ErrorReply::Failed(text.into()));
    match integer::parse(index) {
        None => failed("value is not an integer or out of range"),
        Some(0) => Ok(()),
        Some(index) if i32::try_from(index).is_err() => {
            failed("value is out of range, value must between -2147483648 and 2147483647")
        }
        Some(_) => failed("DB index is out of range"),
    }
}

/// Accepts the credentials that a Valkey without passwords accepts. The kernel authenticates
/// clients.
pub(crate) fn auth(args: &[Bytes]) -> Result<Reply, ErrorReply> {
    match args {
        [_] => Err(ErrorReply::Failed(
            "AUTH <password> called without any password configured for the default user. Are \
             you sure your configuration is correct?"
                .into(),
        )),
        [user, _] => login(user).map(|()| Reply::OK),
        _ => Err(syntax()),
    }
}

fn login(user: &[u8]) -> Result<(), ErrorReply> {
    if user == b"default" {
        return Ok(());
    }
    Err(ErrorReply::Coded("WRONGPASS invalid username-password pair or user is disabled.".into()))
}

/// Describes the daemon, and changes the protocol.
pub(crate) fn hello(session: &mut Session, args: &[Bytes]) -> Result<Reply, ErrorReply> {
    let mut protocol = session.protocol();
    if let Some(version) = args.first() {
        let version = integer::parse(version).ok_or(ErrorReply::Failed(
            "Protocol version is not an integer or out of range".into(),
        ))?;
        protocol = match version {
            2 if !session.is_text() => Protocol::Resp2,
            3 if !session.is_text() => Protocol::Resp3,
            _ => return Err(ErrorReply::Coded("NOPROTO unsupported protocol version".into())),
        };
        let name = hello_options(&args[1..])?;
        if let Some(name) = name {
            session.client().about().name = name;
        }
    }
    session.speak(protocol);
    let facts = [
        ("server", Reply::value("valkey")),
        ("version", Reply::value(VALKEY_VERSION)),
        ("proto", Reply::Integer(if protocol == Protocol::Resp3 { 3 } else { 2 })),
        ("id", Reply::Integer(i64::try_from(session.client().id).unwrap_or(i64::MAX))),
        ("mode", Reply::value("standalone")),
        ("role", Reply::value("master")),
        ("modules", Reply::Array(Vec::new())),
    ];
    let facts = facts.into_iter().map(|(name, fact)| (Reply::value(name), fact));
    Ok(Reply::Speaks(protocol, Box::new(Reply::Map(facts.collect()))))
}

/// Checks all options of HELLO; returns the new name, if one is given.
fn hello_options(mut options: &[Bytes]) -> Result<Option<Bytes>, ErrorReply> {
    let mut name = None;
    let mut user = None;
    while let [option, rest @ ..] = options {
        options = match rest {
            [given, _password, rest @ ..] if is_word(option, "auth") => {
                user = Some(given);
                rest
            }
            [given, rest @ ..] if is_word(option, "setname") => {
                name = Some(checked_name(given)?);
                rest
            }
            _ => {
                let option = shown(option);
                let text = format!("Syntax error in HELLO option '{option}'");
                return Err(ErrorReply::Failed(text.into()));
            }
        };
    }
    user.map_or(Ok(()), |user| login(user))?;
    Ok(name)
}

/// Resets the connection to its initial state.
pub(crate) fn reset(session: &mut Session) -> Reply {
    session.end_transaction();
    session.come_home();
    session.client().about().name = Bytes::new();
    let reply = Reply::Status("RESET");
    if session.is_text() {
        return reply;
    }
    session.speak(Protocol::Resp2);
    Reply::Speaks(Protocol::Resp2, Box::new(reply))
}
