//! Operations that read the keys they name, or none, wherever these are.

use std::sync::atomic::Ordering;

use super::{bits, expiry, keys, lcs, object, scan, string};
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::operation::{Operation, Verb, is_reserved};

/// Keys that are looked at on the serving thread; for more of them, reading goes to another.
pub(crate) const MAX_IN_PLACE: usize = 64;

/// Carries out an operation that only reads.
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
        (Verb::LastSave, _) => Ok(Reply::Integer(reader.shared.saved.load(Ordering::Relaxed))),
        (Verb::Dump, _) => Err(refusal::needs_valkey("DUMP needs")),
        (Verb::Restore, _) => Err(refusal::needs_valkey("RESTORE needs")),
        (Verb::Eval | Verb::EvalSha | Verb::Script, _) => {
            Err(refusal::needs_valkey("scripts need"))
        }
        (verb, _) => Err(refusal::wrong_arguments(verb)),
    }
}

/// How much work an operation that reads is, in keys that are looked at, about.
pub(crate) fn weight(operation: &Operation) -> usize {
    match operation.verb {
        // They look at everything, or take long.
        // However few keys SCAN gives, it may have to pass many that were removed.
        Verb::Keys | Verb::Last | Verb::Size | Verb::RandomKey | Verb::Lcs | Verb::Scan => {
            usize::MAX
        }
        _ => operation.keys().count().max(1),
    }
}

/// Whether an operation names a key that is kvsock's own.
pub(crate) fn names_reserved(operation: &Operation) -> bool {
    operation.keys().any(|key| is_reserved(key))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// It may have to pass any number of removed keys, which cannot be seen beforehand.
    #[test]
    fn what_iterates_never_runs_on_the_serving_thread() {
        for verb in [Verb::Scan, Verb::Keys, Verb::Size, Verb::RandomKey, Verb::Last, Verb::Lcs] {
            let operation = Operation { verb, args: vec![Bytes::from_static(b"0")].into() };
            assert!(weight(&operation) > MAX_IN_PLACE, "{verb:?}");
        }
    }
}
