//! Commands on keys, whatever their values.

use super::row::{Arguments, with_value};
use super::row::{Command, KEY, KEYS, Local, MANY, NONE, Run, container, store, sub, takes};
use crate::store::Verb;

const TWO_KEYS: Arguments = takes(2, 2, "requires two keys.");

pub(super) const ROWS: &[Command] = &[
    store(
        "copy",
        "<source> <destination> [DB 0] [REPLACE]",
        "copies a value with its expiry to another key; gives 1 if it did",
        takes(2, MANY, "requires two keys."),
        Verb::Copy,
    ),
    store("del", "<key>...", "removes the keys and gives how many existed", KEYS, Verb::Del),
    store("dump", "<key>", "gives the value in the store's own form, for restore", KEY, Verb::Dump),
    store("exists", "<key>...", "counts those of the keys that exist", KEYS, Verb::Exists),
    store(
        "expire",
        "<key> <seconds> [NX|XX|GT|LT]",
        "lets the key expire in so many seconds; gives 1, or 0 if there is no such key",
        takes(2, MANY, "requires a key and a number of seconds."),
        Verb::Expire,
    ),
    store(
        "expireat",
        "<key> <time> [NX|XX|GT|LT]",
        "lets the key expire at a time in Unix seconds",
        takes(2, MANY, "requires a key and a time in Unix seconds."),
        Verb::ExpireAt,
    ),
    store(
        "expiretime",
        "<key>",
        "gives the time in Unix seconds at which the key expires, -1 if never, -2 if there is none",
        KEY,
        Verb::ExpireTime,
    ),
    store(
        "keys",
        "<pattern>",
        "lists the keys that match the glob, sorted; as text also all keys, without a pattern",
        takes(1, 1, "takes at most one pattern.").least_in_text(0),
        Verb::Keys,
    ),
    container("object", "tells how a value is kept", "requires a subcommand and a key.", OBJECT),
    store(
        "persist",
        "<key>",
        "lets the key no longer expire; gives 1, or 0 if it had no expiry",
        KEY,
        Verb::Persist,
    ),
    store(
        "pexpire",
        "<key> <milliseconds> [NX|XX|GT|LT]",
        "lets the key expire in so many milliseconds",
        takes(2, MANY, "requires a key and a number of milliseconds."),
        Verb::PExpire,
    ),
    store(
        "pexpireat",
        "<key> <time> [NX|XX|GT|LT]",
        "lets the key expire at a time in Unix milliseconds",
        takes(2, MANY, "requires a key and a time in Unix milliseconds."),
        Verb::PExpireAt,
    ),
    store(
        "pexpiretime",
        "<key>",
        "gives the time in Unix milliseconds at which the key expires",
        KEY,
        Verb::PExpireTime,
    ),
    store("pttl", "<key>", "gives the milliseconds until the key expires", KEY, Verb::PTtl),
    store("randomkey", "", "gives some key", NONE, Verb::RandomKey),
    store(
        "rename",
        "<key> <new-key>",
        "gives the value another key, in the place of what was there",
        TWO_KEYS,
        Verb::Rename,
    ),
    store(
        "renamenx",
        "<key> <new-key>",
        "gives the value another key, if there is none yet; gives 1 if so",
        TWO_KEYS,
        Verb::RenameNx,
    ),
    store(
        "restore",
        "<key> <milliseconds> <value> [REPLACE] [ABSTTL] [IDLETIME <seconds>] [FREQ <frequency>]",
        "stores what dump gave",
        with_value(2, 3, MANY, "requires a key, a number of milliseconds and what dump gave."),
        Verb::Restore,
    )
    .for_administrators(),
    store(
        "scan",
        "<cursor> [MATCH <pattern>] [COUNT <number>] [TYPE <type>]",
        "lists some keys after the cursor's, and the next cursor before them; 0 begins and ends",
        takes(1, MANY, "requires a cursor."),
        Verb::Scan,
    ),
    store(
        "touch",
        "<key>...",
        "counts those of the keys that exist, as used now",
        KEYS,
        Verb::Touch,
    ),
    store(
        "ttl",
        "<key>",
        "gives the seconds until the key expires, -1 if never, -2 if there is no such key",
        KEY,
        Verb::Ttl,
    ),
    store("type", "<key>", "gives the type of the value, or none", KEY, Verb::Type),
    store("unlink", "<key>...", "removes the keys and gives how many existed", KEYS, Verb::Unlink),
];

const OBJECT: &[Command] = &[
    sub("object encoding", "<key>", "tells how the value is encoded", KEY, OBJECT_OF_STORE),
    sub("object freq", "<key>", "tells how often the value is used", KEY, OBJECT_OF_STORE),
    sub("object help", "", "lists the subcommands", NONE, Run::Local(Local::ObjectHelp)).at_once(),
    sub("object idletime", "<key>", "tells how long the value was not used", KEY, OBJECT_OF_STORE),
    sub(
        "object refcount",
        "<key>",
        "tells how often the value is referred to",
        KEY,
        OBJECT_OF_STORE,
    ),
];

const OBJECT_OF_STORE: Run = Run::Store(Verb::Object);
