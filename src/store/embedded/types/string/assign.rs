//! Commands that set whole values: `SET` with its options and the like; and the options of `GETEX`.

use bytes::Bytes;

use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::refusal;
use crate::store::embedded::argument::time::Unit;
use crate::store::embedded::format::layout::Record;
use crate::store::embedded::types::editor::Editor;

/// The command whose options are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Set,
    GetEx,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    /// Whether the key must exist, must not exist, or either.
    exists: Option<bool>,
    get: bool,
    keep_expiry: bool,
    persist: bool,
    expiry: Option<(Unit, &'a [u8])>,
}

impl<'a> Options<'a> {
    /// Reads options as Valkey does. An option may be repeated, unless it contradicts another.
    fn parse(words: &'a [Bytes], command: Command) -> Result<Options<'a>, ErrorReply> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let for_set = command == Command::Set;
            if for_set && is("NX") && options.exists != Some(true) {
                options.exists = Some(false);
            } else if for_set && is("XX") && options.exists != Some(false) {
                options.exists = Some(true);
            } else if for_set && is("GET") {
                options.get = true;
            } else if for_set && is("KEEPTTL") && options.expiry.is_none() {
                options.keep_expiry = true;
            } else if !for_set && is("PERSIST") && options.expiry.is_none() {
                options.persist = true;
            } else {
                let unit = Unit::of_option(word).filter(|unit| options.may_expire_by(*unit));
                let (Some(unit), Some(time)) = (unit, words.next()) else {
                    return Err(refusal::syntax());
                };
                options.expiry = Some((unit, time));
            }
        }
        Ok(options)
    }

    fn may_expire_by(&self, unit: Unit) -> bool {
        let agrees = self.expiry.is_none_or(|(other, _)| other == unit);
        agrees && !self.keep_expiry && !self.persist
    }

    fn moment(&self, now: u64, command: &str) -> Result<Option<u64>, ErrorReply> {
        self.expiry.map(|(unit, time)| unit.moment(time, now, command)).transpose()
    }
}

/// `SET`
pub(crate) fn set(
    editor: &mut Editor<'_>,
    key: &Bytes,
    value: &Bytes,
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    if options.is_empty() {
        return editor.set(key, value.clone(), None).map(|()| Reply::OK);
    }
    let options = Options::parse(options, Command::Set)?;
    let expires = options.moment(editor.now, "set")?;
    let old = editor.live(key)?;
    let old_value = match &old {
        Some(record) if options.get => editor.scope.bounded(Reply::Value(record.value.clone()))?,
        _ => Reply::Nil,
    };
    if options.exists.is_some_and(|exists| exists != old.is_some()) {
        return Ok(old_value);
    }
    let kept = old.and_then(|record| record.expires).filter(|_| options.keep_expiry);
    editor.set(key, value.clone(), expires.or(kept))?;
    Ok(if options.get { old_value } else { Reply::OK })
}

/// `SETNX`
pub(crate) fn set_new(
    editor: &mut Editor<'_>,
    key: &Bytes,
    value: &Bytes,
) -> Result<Reply, ErrorReply> {
    if editor.live(key)?.is_some() {
        return Ok(Reply::Integer(0));
    }
    editor.set(key, value.clone(), None).map(|()| Reply::Integer(1))
}

/// `SETEX` and `PSETEX`
pub(crate) fn set_for(
    editor: &mut Editor<'_>,
    (unit, name): (Unit, &str),
    [key, time, value]: [&Bytes; 3],
) -> Result<Reply, ErrorReply> {
    let expires = unit.moment(time, editor.now, name)?;
    editor.set(key, value.clone(), Some(expires)).map(|()| Reply::OK)
}

/// `GETSET`
pub(crate) fn get_and_set(
    editor: &mut Editor<'_>,
    key: &Bytes,
    value: &Bytes,
) -> Result<Reply, ErrorReply> {
    let old = match editor.live(key)? {
        Some(record) => editor.scope.bounded(Reply::Value(record.value))?,
        None => Reply::Nil,
    };
    editor.set(key, value.clone(), None).map(|()| old)
}

/// `MSET`
pub(crate) fn set_all(editor: &mut Editor<'_>, pairs: &[[Bytes; 2]]) -> Result<Reply, ErrorReply> {
    store_all(editor, pairs).map(|()| Reply::OK)
}

/// `MSETNX`
pub(crate) fn set_all_new(
    editor: &mut Editor<'_>,
    pairs: &[[Bytes; 2]],
) -> Result<Reply, ErrorReply> {
    for [key, _] in pairs {
        if editor.live(key)?.is_some() {
            return Ok(Reply::Integer(0));
        }
    }
    store_all(editor, pairs).map(|()| Reply::Integer(1))
}

fn store_all(editor: &mut Editor<'_>, pairs: &[[Bytes; 2]]) -> Result<(), ErrorReply> {
    // Either all keys are set or none.
    for [key, _] in pairs {
        editor.storable(key)?;
    }
    for [key, value] in pairs {
        editor.set(key, value.clone(), None)?;
    }
    Ok(())
}

/// `GETDEL`
pub(crate) fn get_and_remove(editor: &mut Editor<'_>, key: &Bytes) -> Result<Reply, ErrorReply> {
    let Some(record) = editor.live(key)? else { return Ok(Reply::Nil) };
    let reply = editor.scope.bounded(Reply::Value(record.value))?;
    editor.remove(key)?;
    Ok(reply)
}

/// `GETEX`
pub(crate) fn get_and_expire(
    editor: &mut Editor<'_>,
    key: &Bytes,
    options: &[Bytes],
) -> Result<Reply, ErrorReply> {
    let options = Options::parse(options, Command::GetEx)?;
    let Some(old) = editor.live(key)? else { return Ok(Reply::Nil) };
    let expires = options.moment(editor.now, "getex")?;
    let reply = editor.scope.bounded(Reply::Value(old.value.clone()))?;
    if expires.is_some() || options.persist && old.expires.is_some() {
        let value = old.value.clone();
        editor.change(key, Some(&old), Record { expires, value })?;
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, command: Command) -> bool {
        let words: Vec<Bytes> =
            text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        Options::parse(&words, command).is_ok()
    }

    #[test]
    fn set_takes_what_does_not_contradict_itself() {
        for (text, expected) in [
            ("NX", true),
            ("nx NX get Get", true),
            ("NX XX", false),
            ("XX NX", false),
            ("EX abc", true),
            ("EX 10 ex 20", true),
            ("EX", false),
            ("EX 10 PX 10", false),
            ("EX 10 EXAT 10", false),
            ("KEEPTTL KEEPTTL", true),
            ("KEEPTTL PXAT 1", false),
            ("PXAT 1 KEEPTTL", false),
            ("NX EX", false),
            ("EX NX", true),
            ("EX 10 NX 5", false),
            ("PERSIST", false),
            ("FOO", false),
            ("IFEQ x", false),
        ] {
            assert_eq!(parse(text, Command::Set), expected, "{text}");
        }
    }

    #[test]
    fn getex_takes_a_time_or_none() {
        for (text, expected) in [
            ("PERSIST persist", true),
            ("EX 10", true),
            ("PERSIST EX 10", false),
            ("EX 10 PERSIST", false),
            ("EX 10 EX 10", true),
            ("EX 10 PX 10", false),
            ("KEEPTTL", false),
            ("NX", false),
            ("GET", false),
        ] {
            assert_eq!(parse(text, Command::GetEx), expected, "{text}");
        }
    }
}
