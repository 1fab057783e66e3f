//! CLIENT: names and describes the own connection, lists others, and closes them.
//!
//! A user sees the connections of the same user; an administrator sees all.

use std::sync::Arc;

use bytes::Bytes;

use crate::command::context::Context;
use crate::command::session::clients::Client;
use crate::command::session::state::Session;
use crate::command::word::is_word;
use crate::message::refusal::{shown, syntax};
use crate::message::{ErrorReply, Reply};
use crate::store::integer;

/// The connection's number.
pub(crate) fn id(session: &Session) -> Reply {
    Reply::Integer(i64::try_from(session.client().id).unwrap_or(i64::MAX))
}

/// The connection's name.
pub(crate) fn name(session: &Session) -> Reply {
    let name = session.client().about().name.clone();
    if name.is_empty() { Reply::Nil } else { Reply::Value(name) }
}

/// Gives the connection a name; an empty one takes it away.
pub(crate) fn set_name(session: &Session, args: &[Bytes]) -> Result<Reply, ErrorReply> {
    session.client().about().name = checked_name(&args[0])?;
    Ok(Reply::OK)
}

/// Checks that `name` can stand in CLIENT LIST without quotes. Bytes after a NUL are neither shown
/// there nor checked, as in Valkey.
pub(crate) fn checked_name(name: &[u8]) -> Result<Bytes, ErrorReply> {
    checked(name, "Client names")
}

/// The longest name, in bytes. Each connection keeps three of that size.
const LONGEST: usize = 1024;

fn checked(name: &[u8], what: &str) -> Result<Bytes, ErrorReply> {
    if name.len() > LONGEST {
        let text = format!("{what} cannot be longer than {LONGEST} bytes.");
        return Err(ErrorReply::Failed(text.into()));
    }
    if name.iter().take_while(|byte| **byte != 0).all(|byte| matches!(byte, b'!'..=b'~')) {
        // A copy, since a slice would keep the whole buffer it was read into.
        return Ok(Bytes::copy_from_slice(name));
    }
    let text = format!("{what} cannot contain spaces, newlines or special characters.");
    Err(ErrorReply::Failed(text.into()))
}

/// Sets the name or version of the client's library.
pub(crate) fn set_info(session: &Session, args: &[Bytes]) -> Result<Reply, ErrorReply> {
    let (attribute, value) = (&args[0], &args[1]);
    let name = shown(attribute);
    let is_version = is_word(attribute, "lib-ver");
    if !is_version && !is_word(attribute, "lib-name") {
        return Err(ErrorReply::Failed(format!("Unrecognized option '{name}'").into()));
    }
    let value = checked(value, &name)?;
    let mut about = session.client().about();
    *(if is_version { &mut about.library_version } else { &mut about.library }) = value;
    Ok(Reply::OK)
}

/// Checks ON or OFF for a switch that has no effect in kvsock.
pub(crate) fn switch(args: &[Bytes]) -> Result<Reply, ErrorReply> {
    if is_word(&args[0], "on") || is_word(&args[0], "off") { Ok(Reply::OK) } else { Err(syntax()) }
}

/// The connection's own line.
pub(crate) fn info(session: &Session) -> Reply {
    Reply::Text(session.client().line())
}

/// The lines of the connections that the caller may see.
pub(crate) fn list(
    context: &Context,
    session: &Session,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let wanted: Option<Vec<u64>> = match args {
        [] => None,
        [option, kind] if is_word(option, "type") => {
            if is_normal(kind)? {
                None
            } else {
                Some(Vec::new())
            }
        }
        [option, ids @ ..] if is_word(option, "id") && !ids.is_empty() => {
            let id = |text: &Bytes| integer::parse(text).map(|id| u64::try_from(id).unwrap_or(0));
            let ids: Option<Vec<u64>> = ids.iter().map(id).collect();
            Some(ids.ok_or(ErrorReply::Failed("Invalid client ID".into()))?)
        }
        _ => return Err(syntax()),
    };
    let seen = visible(context, session);
    let chosen = seen.filter(|it| wanted.as_ref().is_none_or(|ids| ids.contains(&it.id)));
    Ok(Reply::Text(chosen.map(|client| client.line()).collect()))
}

/// Whether `kind` is `normal`, the only type of client that kvsock has.
fn is_normal(kind: &[u8]) -> Result<bool, ErrorReply> {
    if is_word(kind, "normal") {
        return Ok(true);
    }
    if ["master", "primary", "replica", "slave", "pubsub"].iter().any(|it| is_word(kind, it)) {
        return Ok(false);
    }
    let kind = shown(kind);
    Err(ErrorReply::Failed(format!("Unknown client type '{kind}'").into()))
}

fn visible(context: &Context, session: &Session) -> impl Iterator<Item = Arc<Client>> {
    let (everybody, own) = (session.is_administrator(), Arc::clone(session.client()));
    context
        .users
        .clients
        .all()
        .into_iter()
        .filter(move |it| everybody || it.id == own.id || it.caller.is_same_user(&own.caller))
}

/// The filters of CLIENT KILL.
#[derive(Default)]
struct Filters {
    ids: Vec<u64>,
    addresses: Vec<String>,
    min_age: Option<u64>,
    nobody: bool,
    /// Whether the caller's own connection is included.
    own: bool,
}

/// Closes visible connections that pass the filters; returns their number.
pub(crate) fn kill(
    context: &Context,
    session: &Session,
    args: &[Bytes],
) -> Result<Reply, ErrorReply> {
    if let [address] = args {
        let own = |it: &Arc<Client>| it.endpoint().as_bytes() == &address[..];
        let found = visible(context, session).find(own);
        let client = found.ok_or(ErrorReply::Failed("No such client".into()))?;
        client.kill(client.id == session.client().id);
        tell_killed(context, session, &[client]);
        return Ok(Reply::OK);
    }
    let filters = filters(args)?;
    let mut killed = Vec::new();
    for client in visible(context, session) {
        let is_own = client.id == session.client().id;
        if filters.include(&client) && (filters.own || !is_own) {
            client.kill(is_own);
            killed.push(client);
        }
    }
    tell_killed(context, session, &killed);
    Ok(Reply::Integer(i64::try_from(killed.len()).unwrap_or(i64::MAX)))
}

/// Logs that connections of other users were closed, if any were.
fn tell_killed(context: &Context, session: &Session, killed: &[Arc<Client>]) {
    let own = session.client();
    if killed.iter().any(|it| it.id != own.id && !it.caller.is_same_user(&own.caller)) {
        context.users.audit.administers(session.caller(), "client kill");
    }
}

fn filters(mut args: &[Bytes]) -> Result<Filters, ErrorReply> {
    let mut filters = Filters::default();
    let failed = |text: String| Err(ErrorReply::Failed(text.into()));
    while let [option, value, rest @ ..] = args {
        let text = String::from_utf8_lossy(value).into_owned();
        if is_word(option, "id") {
            match integer::parse(value).and_then(|id| u64::try_from(id).ok()) {
                Some(id @ 1..) => filters.ids.push(id),
                _ => return failed("client-id should be greater than 0".into()),
            }
        } else if is_word(option, "addr") || is_word(option, "laddr") {
            filters.addresses.push(text);
        } else if is_word(option, "type") {
            filters.nobody |= !is_normal(value)?;
        } else if is_word(option, "user") {
            if text != "default" {
                return failed(format!("No such user '{}'", shown(value)));
            }
        } else if is_word(option, "maxage") {
            match integer::parse(value) {
                None => return failed("maxage is not an integer or out of range".into()),
                Some(age @ 1..) => filters.min_age = u64::try_from(age).ok(),
                Some(_) => return failed("maxage should be greater than 0".into()),
            }
        } else if is_word(option, "skipme") && (is_word(value, "yes") || is_word(value, "no")) {
            filters.own = is_word(value, "no");
        } else {
            return Err(syntax());
        }
        args = rest;
    }
    if args.is_empty() { Ok(filters) } else { Err(syntax()) }
}

impl Filters {
    fn include(&self, client: &Client) -> bool {
        let fits = |list: &[String], it: &String| list.is_empty() || list.contains(it);
        !self.nobody
            && (self.ids.is_empty() || self.ids.contains(&client.id))
            && fits(&self.addresses, &client.endpoint())
            && self.min_age.is_none_or(|age| client.age().as_secs() >= age)
    }
}
