//! Operations within the writer or within a transaction. Operations that only read go on to
//! `reads`.

use super::editor::Editor;
use super::{assign, bits, counter, expiry, keys, reads, string};
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::{integer, refusal};
use crate::store::operation::{Operation, Verb};

/// Carries out an operation. An operation that fails changes nothing.
pub(crate) fn execute(editor: &mut Editor<'_>, operation: &Operation) -> Reply {
    let reply = if reads::names_reserved(operation) {
        Err(refusal::reserved())
    } else {
        try_execute(editor, operation)
    };
    reply.unwrap_or_else(Reply::Error)
}

fn try_execute(editor: &mut Editor<'_>, operation: &Operation) -> Result<Reply, ErrorReply> {
    let verb = operation.verb;
    match (verb, &operation.args[..]) {
        (Verb::Set, [key, value, options @ ..]) => assign::set(editor, key, value, options),
        (Verb::SetNx, [key, value]) => assign::set_new(editor, key, value),
        (Verb::SetEx | Verb::PSetEx, [key, time, value]) => {
            assign::set_for(editor, verb, [key, time, value])
        }
        (Verb::GetSet, [key, value]) => assign::get_and_set(editor, key, value),
        (Verb::GetDel, [key]) => assign::get_and_remove(editor, key),
        (Verb::GetEx, [key, options @ ..]) => assign::get_and_expire(editor, key, options),
        (Verb::MSet, pairs) => assign::set_all(editor, pairs),
        (Verb::MSetNx, pairs) => assign::set_all_new(editor, pairs),
        (Verb::Append, [key, more]) => string::append(editor, key, more),
        (Verb::SetRange, [key, offset, part]) => string::set_range(editor, [key, offset, part]),
        (Verb::Incr, [key]) => counter::add(editor, key, 1),
        (Verb::Decr, [key]) => counter::add(editor, key, -1),
        (Verb::IncrBy, [key, step]) => counter::add(editor, key, integer::argument(step)?),
        (Verb::DecrBy, [key, step]) => counter::subtract(editor, key, step),
        (Verb::IncrByFloat, [key, step]) => counter::add_float(editor, key, step),
        (Verb::SetBit, [key, offset, bit]) => bits::set(editor, [key, offset, bit]),
        (Verb::Del | Verb::Unlink, keys) => keys::remove(editor, keys),
        (Verb::Copy, [from, to, options @ ..]) => keys::copy(editor, [from, to], options),
        (Verb::Rename, [from, to]) => keys::rename(editor, from, to),
        (Verb::RenameNx, [from, to]) => keys::rename_new(editor, from, to),
        (
            Verb::Expire | Verb::PExpire | Verb::ExpireAt | Verb::PExpireAt,
            [key, time, conditions @ ..],
        ) => expiry::expire(editor, verb, [key, time], conditions),
        (Verb::Persist, [key]) => expiry::persist(editor, key),
        _ => reads::execute(&editor.reader(), operation),
    }
}
