//! `BITFIELD` and `BITFIELD_RO`: integers of any width within a value.

use bytes::Bytes;

use super::part::patched;
use crate::message::{ErrorReply, Reply};
use crate::store::cost::field::{Action, Field};
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::types::editor::Editor;

/// `BITFIELD_RO`
pub(crate) fn read(
    reader: &Reader<'_, impl Source>,
    key: &Bytes,
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let fields = Field::parse_all(options)?;
    if fields.iter().any(Field::is_write) {
        let text = "BITFIELD_RO only supports the GET subcommand";
        return Err(ErrorReply::Failed(text.into()));
    }
    let value = reader.value_or_empty(key)?;
    Ok(all(fields.iter().map(|field| Some(field.encoding.read(&value, field.offset)))))
}

/// `BITFIELD`
pub(crate) fn change(
    editor: &mut Editor<'_>,
    key: &Bytes,
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let fields = Field::parse_all(options)?;
    let Some(reach) = fields.iter().filter(|it| it.is_write()).map(Field::reach).max() else {
        return read(&editor.reader(), key, options);
    };
    editor.scope.check_growth(reach)?;
    let old = editor.live(key)?;
    let mut numbers = Vec::with_capacity(fields.len());
    // The value gets as long as the farthest field, even if the field then overflows.
    let value = patched(old.as_ref(), reach, |value| {
        numbers.extend(fields.iter().map(|field| carry_out(field, value)));
    });
    let expires = old.as_ref().and_then(|record| record.expires);
    editor.change(key, old.as_ref(), Record { expires, value })?;
    Ok(all(numbers.into_iter()))
}

/// The number that the field's reply tells; `None` if it overflows and that fails.
fn carry_out(field: &Field, value: &mut [u8]) -> Option<i64> {
    let Field { encoding, offset, action } = *field;
    let old = encoding.read(value, offset);
    let (new, overflow) = match action {
        Action::Get => return Some(old),
        Action::Set(number, overflow) => (encoding.taken(number), overflow),
        Action::Add(number, overflow) => (i128::from(old) + i128::from(number), overflow),
    };
    let new = encoding.fit(new, overflow)?;
    encoding.write(value, offset, new);
    Some(if matches!(action, Action::Set(..)) { old } else { new })
}

/// A reply as the Valkey engine translates the server's: without a number it is a list of values.
fn all(numbers: impl Iterator<Item = Option<i64>>) -> Reply {
    let numbers: Vec<Option<i64>> = numbers.collect();
    if numbers.iter().all(Option::is_none) {
        return Reply::List(vec![None; numbers.len()]);
    }
    let reply = |number: Option<i64>| number.map_or(Reply::Nil, Reply::Integer);
    Reply::Array(numbers.into_iter().map(reply).collect())
}
