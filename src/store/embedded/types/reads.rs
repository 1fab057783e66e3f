//! Operations that read, on the committed data or within a transaction.

use super::{bits, expiry, keys, last, lcs, object, scan, string};
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::read::snapshot::View;
use crate::store::operation::{Operation, Verb, is_reserved};

/// Carries out an operation on the committed data, for this user's client.
pub(crate) fn execute_on(
    view: &View<'_>,
    operation: &Operation,
    now: u64,
    user: Option<u32>,
) -> Reply {
    let reply = match operation.verb {
        Verb::Last => {
            let record = |key: &[u8]| view.stored_record(key);
            last::last(&operation.args, (view.scope(), now), || view.recent(), record)
        }
        Verb::Size => view.size(now).map(count).map_err(ErrorReply::from),
        Verb::Keys => view.keys(operation.args.first(), now),
        Verb::RandomKey => view.random_name(now),
        _ => execute(&view.reader(now, user), operation),
    };
    reply.unwrap_or_else(Reply::Error)
}

fn count((size, _): (u64, Option<u64>)) -> Reply {
    Reply::Integer(i64::try_from(size).unwrap_or(i64::MAX))
}

/// Carries out an operation that names its keys, or none.
pub(crate) fn execute(
    reader: &Reader<'_, impl Source>,
    operation: &Operation,
) -> Result<Reply, ErrorReply> {
    if names_reserved(operation) {
        return Err(refusal::reserved());
    }
    match (operation.verb, &operation.args[..]) {
        (Verb::Ping, _) => Ok(Reply::Status("PONG")),
        (Verb::Get, [key]) => string::get(reader, key),
        (Verb::MGet, keys) => string::get_all(reader, keys),
        (Verb::StrLen, [key]) => string::len(reader, key),
        (Verb::GetRange, [key, start, end]) => string::get_range(reader, [key, start, end]),
        (Verb::GetBit, [key, offset]) => bits::get(reader, key, offset),
        (Verb::BitCount, [key, range @ ..]) => bits::count(reader, key, range),
        (Verb::Lcs, [a, b, options @ ..]) => lcs::lcs(reader, [a, b], options),
        (Verb::Exists | Verb::Touch, keys) => keys::count(reader, keys),
        (Verb::Type, [key]) => keys::kind(reader, key),
        (Verb::Ttl | Verb::PTtl | Verb::ExpireTime | Verb::PExpireTime, [key]) => {
            expiry::tell(reader, operation.verb, key)
        }
        (Verb::Object, [what, key]) => object::object(reader, what, key),
        (Verb::MemoryUsage, [what, key, options @ ..]) => {
            object::memory(reader, what, key, options)
        }
        (Verb::Scan, [cursor, options @ ..]) => scan::scan(reader, cursor, options),
        (Verb::LastSave, _) => Ok(Reply::Integer(reader.saved.get())),
        (Verb::Dump, _) => Err(refusal::needs_valkey("DUMP needs")),
        (Verb::Restore, _) => Err(refusal::needs_valkey("RESTORE needs")),
        (Verb::Eval | Verb::EvalSha | Verb::Script, _) => {
            Err(refusal::needs_valkey("scripts need"))
        }
        (verb, _) => Err(refusal::wrong_arguments(verb)),
    }
}

/// Whether an operation names a key that is reserved for kvsock.
pub(crate) fn names_reserved(operation: &Operation) -> bool {
    operation.keys().any(|key| is_reserved(key))
}
