//! Commands on numbers in values: `INCR` and the like.

use bytes::Bytes;

use super::float;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::integer;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::types::editor::Editor;

/// `INCR`, `DECR` and `INCRBY`
pub(crate) fn add(editor: &mut Editor<'_>, key: &Bytes, step: i64) -> Result<Reply, ErrorReply> {
    let old = editor.live(key)?;
    let number = old.as_ref().map_or(Ok(0), |record| integer::argument(&record.value))?;
    let Some(sum) = number.checked_add(step) else {
        return Err(ErrorReply::Failed("increment or decrement would overflow".into()));
    };
    store(editor, key, old.as_ref(), sum.to_string().into())?;
    Ok(Reply::Integer(sum))
}

/// `DECRBY`
pub(crate) fn subtract(
    editor: &mut Editor<'_>,
    key: &Bytes,
    step: &Bytes,
) -> Result<Reply, ErrorReply> {
    let Some(step) = integer::argument(step)?.checked_neg() else {
        return Err(ErrorReply::Failed("decrement would overflow".into()));
    };
    add(editor, key, step)
}

/// `INCRBYFLOAT`
pub(crate) fn add_float(
    editor: &mut Editor<'_>,
    key: &Bytes,
    step: &Bytes,
) -> Result<Reply, ErrorReply> {
    let old = editor.live(key)?;
    let number = old.as_ref().map_or(&b"0"[..], |record| &record.value);
    let sum = Bytes::from(float::sum(number, step)?);
    store(editor, key, old.as_ref(), sum.clone())?;
    Ok(Reply::Value(sum))
}

fn store(
    editor: &mut Editor<'_>,
    key: &Bytes,
    old: Option<&Record>,
    value: Bytes,
) -> Result<(), ErrorReply> {
    let expires = old.and_then(|record| record.expires);
    editor.change(key, old, Record { expires, value })
}
