//! Operations within the writer or within a transaction. Operations that only read go on to
//! `reads`.

use super::editor::Editor;
use super::functions::{Function, function};
use super::reads;
use crate::message::Reply;
use crate::store::operation::Operation;

/// Carries out an operation. An operation that fails changes nothing.
pub(crate) fn execute(editor: &mut Editor<'_>, operation: &Operation) -> Reply {
    let reply = match (function(operation.command), operation.refusal()) {
        (Function::Write(_), Some(error)) => Err(error),
        (Function::Write(write), None) => {
            write(editor, &operation.args).unwrap_or_else(|| Err(operation.wrong_arguments()))
        }
        _ => reads::execute(&editor.reader(), operation),
    };
    reply.unwrap_or_else(Reply::Error)
}
