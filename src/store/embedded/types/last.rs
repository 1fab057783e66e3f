//! `last`: the keys that were set last, with their values. The key that was set last comes last.

use bytes::Bytes;

use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::refusal;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::last::recent::Recent;

/// Carries out the command. `recent` returns the index, and `record` returns the record of a stored
/// key.
pub(crate) fn last(
    args: &[Bytes],
    (scope, now): (&Scope, u64),
    recent: impl FnOnce() -> Result<Recent, Fault>,
    record: impl Fn(&[u8]) -> Result<Option<Record>, Fault>,
) -> Result<Reply, ErrorReply> {
    let count = args.first().and_then(|count| integer::parse(count)).filter(|n| *n > 0);
    let count = count.ok_or_else(refusal::not_an_integer)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let (mut pairs, mut len) = (Vec::new(), 0);
    for key in recent()?.keys().into_iter().rev() {
        if pairs.len() == count {
            break;
        }
        let Some(name) = scope.client_key(key) else { continue };
        let record = record(key)?.filter(|record| !record.is_expired(now));
        if let Some(record) = record {
            len += 16 + name.len() + record.value.len();
            scope.check_len(len, "")?;
            pairs.push((Bytes::copy_from_slice(name), record.value));
        }
    }
    pairs.reverse();
    Ok(Reply::Pairs(pairs))
}
