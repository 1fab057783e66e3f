//! Error replies that several operations share, in Valkey's words where Valkey has such an error.

use bytes::Bytes;

use crate::command::table::spec::Effect;
pub(crate) use crate::message::refusal::{shown, syntax};
use crate::message::{ErrorReply, Reply};

/// The error for an argument or a value that is not a number.
pub(crate) fn not_an_integer() -> ErrorReply {
    ErrorReply::Failed("value is not an integer or out of range".into())
}

/// The reply to `BGSAVE` with these options.
pub(crate) fn save_options(options: &[Bytes]) -> Result<Reply, ErrorReply> {
    match options {
        [] => {}
        [option] if option.eq_ignore_ascii_case(b"SCHEDULE") => {}
        _ => return Err(syntax()),
    }
    Ok(Reply::Status("Background saving started"))
}

/// The error for a command that only a Valkey server can carry out.
pub(crate) fn needs_valkey(what: &str) -> ErrorReply {
    ErrorReply::Failed(format!("{what} a Valkey store; this one is embedded").into())
}

/// The reply to a failed operation. If it has `begun`, a write may have taken place.
pub(crate) fn failure(name: &'static str, effect: Effect, why: &str, begun: bool) -> Reply {
    Reply::Error(if begun && effect != Effect::Read {
        ErrorReply::OutcomeUnknown(name)
    } else {
        ErrorReply::Unavailable(why.to_owned().into())
    })
}
