//! Commands on parts of values, `APPEND`, `STRLEN`, `GETRANGE` and `SETRANGE`, and on several
//! values.

use bytes::Bytes;

use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::range;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::keys::{Reader, Source};
use crate::store::embedded::types::editor::Editor;

/// `GET`
pub(crate) fn get(reader: &Reader<'_, impl Source>, key: &Bytes) -> Result<Reply, ErrorReply> {
    Ok(found(reader.scope, reader.live(key)?.as_ref()))
}

/// The reply to `GET` for this record.
pub(crate) fn found(scope: &Scope, record: Option<&Record>) -> Reply {
    let Some(record) = record else { return Reply::Nil };
    scope.bounded(Reply::Value(record.value.clone())).unwrap_or_else(Reply::Error)
}

/// `MGET`
pub(crate) fn get_all(
    reader: &Reader<'_, impl Source>,
    keys: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let (mut values, mut len) = (Vec::with_capacity(keys.len()), 0);
    for key in keys {
        let value = reader.value(key)?;
        len += 8 + value.as_ref().map_or(0, Bytes::len);
        reader.scope.check_len(len, "")?;
        values.push(value);
    }
    Ok(Reply::List(values))
}

/// `STRLEN`
pub(crate) fn len(reader: &Reader<'_, impl Source>, key: &Bytes) -> Result<Reply, ErrorReply> {
    Ok(integer_of(reader.value_or_empty(key)?.len()))
}

/// `GETRANGE`
pub(crate) fn get_range(
    reader: &Reader<'_, impl Source>,
    [key, start, end]: [&Bytes; 3],
) -> Result<Reply, ErrorReply> {
    let (start, end) = (integer::argument(start)?, integer::argument(end)?);
    let value = reader.value_or_empty(key)?;
    reader.scope.bounded(Reply::Value(value.slice(range::clamped(start, end, value.len()))))
}

/// `APPEND`
pub(crate) fn append(
    editor: &mut Editor<'_>,
    key: &Bytes,
    more: &Bytes,
) -> Result<Reply, ErrorReply> {
    let old = editor.live(key)?;
    let value = match &old {
        None => more.clone(),
        Some(record) => {
            editor.scope.check_growth(record.value.len() + more.len())?;
            [&record.value[..], more].concat().into()
        }
    };
    let len = value.len();
    let expires = old.as_ref().and_then(|record| record.expires);
    editor.change(key, old.as_ref(), Record { expires, value })?;
    Ok(integer_of(len))
}

/// `SETRANGE`
pub(crate) fn set_range(
    editor: &mut Editor<'_>,
    [key, offset, part]: [&Bytes; 3],
) -> Result<Reply, ErrorReply> {
    let Ok(offset) = usize::try_from(integer::argument(offset)?) else {
        return Err(ErrorReply::Failed("offset is out of range".into()));
    };
    let old = editor.live(key)?;
    let old_len = old.as_ref().map_or(0, |record| record.value.len());
    if part.is_empty() {
        return Ok(integer_of(old_len));
    }
    let end = offset.saturating_add(part.len());
    editor.scope.check_growth(end)?;
    let value = patched(old.as_ref(), end, |value| value[offset..end].copy_from_slice(part));
    let len = value.len();
    let expires = old.as_ref().and_then(|record| record.expires);
    editor.change(key, old.as_ref(), Record { expires, value })?;
    Ok(integer_of(len))
}

/// The old value, extended with zeros to at least `len` bytes, and changed by `patch`.
pub(crate) fn patched(old: Option<&Record>, len: usize, patch: impl FnOnce(&mut [u8])) -> Bytes {
    let old = old.map_or(&b""[..], |record| &record.value);
    let mut value = Vec::with_capacity(old.len().max(len));
    value.extend_from_slice(old);
    value.resize(old.len().max(len), 0);
    patch(&mut value);
    value.into()
}

/// A length as a reply.
pub(crate) fn integer_of(len: usize) -> Reply {
    Reply::Integer(i64::try_from(len).unwrap_or(i64::MAX))
}
