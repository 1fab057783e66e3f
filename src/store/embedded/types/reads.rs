//! Operations that read, on the committed data or within a transaction.

use super::functions::{AnySource, Function, function};
use super::last;
use crate::command::table::spec::Own;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::read::snapshot::View;
use crate::store::operation::Operation;

/// Carries out an operation on the committed data, for this user's client.
pub(crate) fn execute_on(
    view: &View<'_>,
    operation: &Operation,
    now: u64,
    user: Option<u32>,
) -> Reply {
    let reply = match operation.own() {
        Own::Last => {
            let record = |key: &[u8]| view.stored_record(key);
            last::last(&operation.args, (view.scope(), now), || view.recent(), record)
        }
        Own::Size => view.size(now).map(count).map_err(ErrorReply::from),
        Own::Keys => view.keys(operation.args.first(), now),
        Own::RandomKey => view.random_name(now),
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
    let data = AnySource(reader.source);
    let Reader { scope, cursors, saved, now, user, .. } = *reader;
    match function(operation.command) {
        Function::Read(read) => {
            if let Some(error) = operation.refusal() {
                return Err(error);
            }
            let reader = Reader { source: &data, scope, cursors, saved, now, user };
            read(&reader, &operation.args).unwrap_or_else(|| Err(operation.wrong_arguments()))
        }
        Function::Write(_) | Function::Elsewhere => Err(operation.wrong_arguments()),
        Function::Valkey(what) => Err(refusal::needs_valkey(what)),
    }
}
