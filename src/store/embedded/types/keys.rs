//! Commands on whole keys: they remove, count, copy and rename keys.

use bytes::Bytes;

use super::editor::Editor;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal;
use crate::store::embedded::read::keys::{Reader, Source};

/// `EXISTS` and `TOUCH`
pub(crate) fn count(reader: &Reader<'_, impl Source>, keys: &[Bytes]) -> Result<Reply, ErrorReply> {
    let mut found = 0;
    for key in keys {
        found += i64::from(reader.live(key)?.is_some());
    }
    Ok(Reply::Integer(found))
}

/// `TYPE`
pub(crate) fn kind(reader: &Reader<'_, impl Source>, key: &Bytes) -> Result<Reply, ErrorReply> {
    Ok(Reply::Status(if reader.live(key)?.is_some() { "string" } else { "none" }))
}

/// `DEL` and `UNLINK`
pub(crate) fn remove(editor: &mut Editor<'_>, keys: &[Bytes]) -> Result<Reply, ErrorReply> {
    let mut removed = 0;
    for key in keys {
        removed += i64::from(editor.remove(key)?);
    }
    Ok(Reply::Integer(removed))
}

/// `COPY`
pub(crate) fn copy(
    editor: &mut Editor<'_>,
    [from, to]: [&Bytes; 2],
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    if options.iter().any(|option| !option.eq_ignore_ascii_case(b"REPLACE")) {
        return Err(refusal::syntax());
    }
    if from == to {
        let text = "source and destination objects are the same";
        return Err(ErrorReply::Failed(text.into()));
    }
    let Some(record) = editor.live(from)? else { return Ok(Reply::Integer(0)) };
    if options.is_empty() && editor.live(to)?.is_some() {
        return Ok(Reply::Integer(0));
    }
    editor.set(to, record.value, record.expires).map(|()| Reply::Integer(1))
}

/// `RENAME`
pub(crate) fn rename(
    editor: &mut Editor<'_>,
    from: &Bytes,
    to: &Bytes,
) -> Result<Reply, ErrorReply> {
    move_to(editor, from, to, true)?;
    Ok(Reply::OK)
}

/// `RENAMENX`
pub(crate) fn rename_new(
    editor: &mut Editor<'_>,
    from: &Bytes,
    to: &Bytes,
) -> Result<Reply, ErrorReply> {
    Ok(Reply::Integer(move_to(editor, from, to, false)?.into()))
}

/// Moves a value with its expiry. Returns whether a value was moved.
fn move_to(
    editor: &mut Editor<'_>,
    from: &Bytes,
    to: &Bytes,
    replaces: bool,
) -> Result<bool, ErrorReply> {
    let Some(record) = editor.live(from)? else {
        return Err(ErrorReply::Failed("no such key".into()));
    };
    if from == to || !replaces && editor.live(to)?.is_some() {
        return Ok(false);
    }
    editor.set(to, record.value, record.expires)?;
    editor.remove(from)?;
    Ok(true)
}
