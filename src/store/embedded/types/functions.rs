//! The functions of the store's commands, one for each row of the table of commands.

use bytes::Bytes;

use super::editor::Editor;
use super::string::{assign, bits, counter, field, lcs, part};
use super::{expiry, keys, object, scan};
use crate::command::table::row::Command;
use crate::command::table::{ROWS, next_of_store};
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::argument::integer;
use crate::store::embedded::argument::time::Unit;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::layout::{Entry, Record};
use crate::store::embedded::read::keys::{Reader, Source};

/// The reply; `None` for a wrong number of arguments.
type Answer = Option<Result<Reply, ErrorReply>>;

/// A source of any type, so that one function serves all.
pub(crate) struct AnySource<'a>(pub(crate) &'a dyn Source);

impl Source for AnySource<'_> {
    fn record(&self, stored: &[u8]) -> Result<Option<Record>, Fault> {
        self.0.record(stored)
    }

    fn keys_from(&self, start: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, Fault>> + '_> {
        self.0.keys_from(start)
    }
}

/// How a command is carried out.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    /// By a function that reads.
    Read(fn(&Reader<'_, AnySource<'_>>, &[Bytes]) -> Answer),
    /// By a function that writes.
    Write(fn(&mut Editor<'_>, &[Bytes]) -> Answer),
    /// Only by a Valkey server. The text begins the error.
    Valkey(&'static str),
    /// By the engine, as a whole; or the store has no part in it.
    Elsewhere,
}

use Function::{Read, Valkey, Write};

/// The function of a command.
pub(crate) fn function(command: &Command) -> Function {
    FUNCTIONS.get(command.index).copied().unwrap_or(Function::Elsewhere)
}

/// The functions by the numbers of their rows.
static FUNCTIONS: [Function; ROWS] = by_row();

/// The functions by the names that a server knows the commands by.
const NAMED: &[(&str, Function)] = &[
    ("APPEND", Write(|editor, args| two(args).map(|[key, more]| part::append(editor, key, more)))),
    (
        "BITCOUNT",
        Read(|reader, args| one_and(args).map(|(key, range)| bits::count(reader, key, range))),
    ),
    (
        "BITFIELD",
        Write(|editor, args| {
            one_and(args).map(|(key, options)| field::change(editor, key, options))
        }),
    ),
    (
        "BITFIELD_RO",
        Read(|reader, args| one_and(args).map(|(key, options)| field::read(reader, key, options))),
    ),
    (
        "BITOP",
        Write(|editor, args| two_and(args).map(|(place, keys)| bits::combine(editor, place, keys))),
    ),
    (
        "BITPOS",
        Read(|reader, args| two_and(args).map(|(bit, range)| bits::position(reader, bit, range))),
    ),
    (
        "COPY",
        Write(|editor, args| {
            two_and(args).map(|(keys, options)| keys::copy(editor, keys, options))
        }),
    ),
    ("DECR", Write(|editor, args| one(args).map(|key| counter::add(editor, key, -1)))),
    (
        "DECRBY",
        Write(|editor, args| two(args).map(|[key, step]| counter::subtract(editor, key, step))),
    ),
    ("DEL", Write(|editor, args| Some(keys::remove(editor, args)))),
    ("DUMP", Valkey("DUMP needs")),
    ("EVAL", SCRIPTS),
    ("EVALSHA", SCRIPTS),
    ("EXISTS", Read(|reader, args| Some(keys::count(reader, args)))),
    ("EXPIRE", Write(|editor, args| expire(editor, (Unit::Seconds, "expire"), args))),
    ("EXPIREAT", Write(|editor, args| expire(editor, (Unit::UnixSeconds, "expireat"), args))),
    ("EXPIRETIME", Read(|reader, args| tell(reader, Unit::UnixSeconds, args))),
    ("GET", Read(|reader, args| one(args).map(|key| part::get(reader, key)))),
    ("GETBIT", Read(|reader, args| two(args).map(|[key, at]| bits::get(reader, key, at)))),
    ("GETDEL", Write(|editor, args| one(args).map(|key| assign::get_and_remove(editor, key)))),
    (
        "GETEX",
        Write(|editor, args| {
            one_and(args).map(|(key, options)| assign::get_and_expire(editor, key, options))
        }),
    ),
    ("GETRANGE", Read(|reader, args| three(args).map(|range| part::get_range(reader, range)))),
    (
        "GETSET",
        Write(|editor, args| two(args).map(|[key, value]| assign::get_and_set(editor, key, value))),
    ),
    ("INCR", Write(|editor, args| one(args).map(|key| counter::add(editor, key, 1)))),
    (
        "INCRBY",
        Write(|editor, args| {
            two(args).map(|[key, step]| counter::add(editor, key, integer::argument(step)?))
        }),
    ),
    (
        "INCRBYFLOAT",
        Write(|editor, args| two(args).map(|[key, step]| counter::add_float(editor, key, step))),
    ),
    ("LASTSAVE", Read(|reader, _| Some(Ok(Reply::Integer(reader.saved.get()))))),
    (
        "LCS",
        Read(|reader, args| two_and(args).map(|(keys, options)| lcs::lcs(reader, keys, options))),
    ),
    (
        "MEMORY USAGE",
        Read(|reader, args| {
            one_and(args).map(|(key, options)| object::memory(reader, key, options))
        }),
    ),
    ("MGET", Read(|reader, args| Some(part::get_all(reader, args)))),
    ("MSET", Write(|editor, args| pairs(args).map(|pairs| assign::set_all(editor, pairs)))),
    ("MSETNX", Write(|editor, args| pairs(args).map(|pairs| assign::set_all_new(editor, pairs)))),
    (
        "OBJECT ENCODING",
        Read(|reader, args| object(reader, |it| Ok(object::of_encoding(it)), args)),
    ),
    ("OBJECT FREQ", Read(|reader, args| object(reader, object::of_frequency, args))),
    (
        "OBJECT IDLETIME",
        Read(|reader, args| object(reader, |it| Ok(object::of_idleness(it)), args)),
    ),
    (
        "OBJECT REFCOUNT",
        Read(|reader, args| object(reader, |it| Ok(object::of_references(it)), args)),
    ),
    ("PERSIST", Write(|editor, args| one(args).map(|key| expiry::persist(editor, key)))),
    ("PEXPIRE", Write(|editor, args| expire(editor, (Unit::Milliseconds, "pexpire"), args))),
    (
        "PEXPIREAT",
        Write(|editor, args| expire(editor, (Unit::UnixMilliseconds, "pexpireat"), args)),
    ),
    ("PEXPIRETIME", Read(|reader, args| tell(reader, Unit::UnixMilliseconds, args))),
    ("PING", Read(|_, _| Some(Ok(Reply::Status("PONG"))))),
    ("PSETEX", Write(|editor, args| set_for(editor, (Unit::Milliseconds, "psetex"), args))),
    ("PTTL", Read(|reader, args| tell(reader, Unit::Milliseconds, args))),
    ("RENAME", Write(|editor, args| two(args).map(|[from, to]| keys::rename(editor, from, to)))),
    (
        "RENAMENX",
        Write(|editor, args| two(args).map(|[from, to]| keys::rename_new(editor, from, to))),
    ),
    ("RESTORE", Valkey("RESTORE needs")),
    (
        "SCAN",
        Read(|reader, args| {
            one_and(args).map(|(cursor, options)| scan::scan(reader, cursor, options))
        }),
    ),
    ("SCRIPT EXISTS", SCRIPTS),
    ("SCRIPT FLUSH", SCRIPTS),
    ("SCRIPT LOAD", SCRIPTS),
    (
        "SET",
        Write(|editor, args| {
            two_and(args).map(|([key, value], options)| assign::set(editor, key, value, options))
        }),
    ),
    ("SETBIT", Write(|editor, args| three(args).map(|bit| bits::set(editor, bit)))),
    ("SETEX", Write(|editor, args| set_for(editor, (Unit::Seconds, "setex"), args))),
    (
        "SETNX",
        Write(|editor, args| two(args).map(|[key, value]| assign::set_new(editor, key, value))),
    ),
    ("SETRANGE", Write(|editor, args| three(args).map(|part| part::set_range(editor, part)))),
    ("STRLEN", Read(|reader, args| one(args).map(|key| part::len(reader, key)))),
    ("TOUCH", Read(|reader, args| Some(keys::count(reader, args)))),
    ("TTL", Read(|reader, args| tell(reader, Unit::Seconds, args))),
    ("TYPE", Read(|reader, args| one(args).map(|key| keys::kind(reader, key)))),
    ("UNLINK", Write(|editor, args| Some(keys::remove(editor, args)))),
];

const SCRIPTS: Function = Valkey("scripts need");

/// Puts each function at the number of its row. Aliases share it.
const fn by_row() -> [Function; ROWS] {
    let (mut functions, mut at) = ([Function::Elsewhere; ROWS], 0);
    while at < NAMED.len() {
        let (name, function) = NAMED[at];
        let mut row = 0;
        while let Some(number) = next_of_store(name, row) {
            functions[number] = function;
            row = number + 1;
        }
        at += 1;
    }
    functions
}

fn one(args: &[Bytes]) -> Option<&Bytes> {
    let [key] = args else { return None };
    Some(key)
}

fn two(args: &[Bytes]) -> Option<[&Bytes; 2]> {
    <&[Bytes; 2]>::try_from(args).ok().map(<[Bytes; 2]>::each_ref)
}

fn three(args: &[Bytes]) -> Option<[&Bytes; 3]> {
    <&[Bytes; 3]>::try_from(args).ok().map(<[Bytes; 3]>::each_ref)
}

fn one_and(args: &[Bytes]) -> Option<(&Bytes, &[Bytes])> {
    args.split_first()
}

fn two_and(args: &[Bytes]) -> Option<([&Bytes; 2], &[Bytes])> {
    args.split_first_chunk::<2>().map(|(two, options)| (two.each_ref(), options))
}

fn pairs(args: &[Bytes]) -> Option<&[[Bytes; 2]]> {
    let (pairs, []) = args.as_chunks() else { return None };
    Some(pairs)
}

fn set_for(editor: &mut Editor<'_>, unit: (Unit, &str), args: &[Bytes]) -> Answer {
    three(args).map(|args| assign::set_for(editor, unit, args))
}

fn expire(editor: &mut Editor<'_>, unit: (Unit, &str), args: &[Bytes]) -> Answer {
    two_and(args).map(|(args, conditions)| expiry::expire(editor, unit, args, conditions))
}

fn tell(reader: &Reader<'_, AnySource<'_>>, unit: Unit, args: &[Bytes]) -> Answer {
    one(args).map(|key| expiry::tell(reader, unit, key))
}

fn object(
    reader: &Reader<'_, AnySource<'_>>,
    tell: fn(&Record) -> Result<Reply, ErrorReply>,
    args: &[Bytes],
) -> Answer {
    one(args).map(|key| object::object(reader, tell, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::row::Run;
    use crate::command::table::spec::Own;
    use crate::command::table::{of_store, rows};

    #[test]
    fn each_command_of_the_store_has_its_function_or_is_refused_by_name() {
        for row in rows().filter(|row| row.run == Run::Store) {
            let is_whole = row.spec.is_compound() || row.spec.own == Own::BgSave;
            let matches = match function(row) {
                Read(_) => !row.spec.is_write(),
                Write(_) => row.spec.is_write(),
                Valkey(_) => row.spec.own == Own::None,
                Function::Elsewhere => is_whole,
            };
            assert!(matches, "{}", row.full_name);
        }
    }

    #[test]
    fn each_function_has_its_row() {
        for (name, _) in NAMED {
            assert_eq!(of_store(name).spec.name, *name);
        }
        assert!(NAMED.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each once");
    }
}
