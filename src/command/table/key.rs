//! Commands on keys, whatever their values.

use super::places::{ALL, FIRST, FIRST_TWO};
use super::row::{
    Arguments, Command, Form, KEY, KEYS, Local, MANY, NONE, Run, container, store, sub, substore,
    takes, with_value,
};
use super::spec::{
    Cost, Effect, Fate, Lengths, Merge, Own, Shape, Spec, Values, When, own, reads, sets, writes,
};

const TWO_KEYS: Arguments = takes(2, 2, "requires two keys.");

pub(super) const DEL: Spec = writes("DEL", ALL)
    .makes(Lengths::Removed)
    .tells(Fate::Removes(When::Positive))
    .split(Merge::Sum);

pub(super) const ROWS: &[Command] = &[
    store(
        "copy",
        "<source> <destination> [DB 0] [REPLACE]",
        "copies a value with its expiry to another key; gives 1 if it did",
        takes(2, MANY, "requires two keys.").of_form(Form::Copy),
        sets("COPY", FIRST_TWO, Fate::SetsSecond(When::One))
            .makes(Lengths::Moves)
            .costs(Cost::Copies),
    ),
    store("del", "<key>...", "removes the keys and gives how many existed", KEYS, DEL),
    store(
        "dump",
        "<key>",
        "gives the value in the store's own form, for restore",
        KEY,
        reads("DUMP", FIRST).gives(Values::Made).costs(Cost::Copies),
    ),
    store(
        "exists",
        "<key>...",
        "counts those of the keys that exist",
        KEYS,
        reads("EXISTS", ALL).split(Merge::Sum),
    ),
    store(
        "expire",
        "<key> <seconds> [NX|XX|GT|LT]",
        "lets the key expire in so many seconds; gives 1, or 0 if there is no such key",
        takes(2, MANY, "requires a key and a number of seconds."),
        writes("EXPIRE", FIRST),
    ),
    store(
        "expireat",
        "<key> <time> [NX|XX|GT|LT]",
        "lets the key expire at a time in Unix seconds",
        takes(2, MANY, "requires a key and a time in Unix seconds."),
        writes("EXPIREAT", FIRST),
    ),
    store(
        "expiretime",
        "<key>",
        "gives the time in Unix seconds at which the key expires, -1 if never, -2 if there is none",
        KEY,
        reads("EXPIRETIME", FIRST),
    ),
    store(
        "keys",
        "<pattern>",
        "lists the keys that match the glob, sorted; as text also all keys, without a pattern",
        takes(1, 1, "takes at most one pattern.").least_in_text(0),
        own("KEYS", Own::Keys, Effect::Read).costs(Cost::Reads),
    ),
    container("object", "tells how a value is kept", "requires a subcommand and a key.", OBJECT),
    store(
        "persist",
        "<key>",
        "lets the key no longer expire; gives 1, or 0 if it had no expiry",
        KEY,
        writes("PERSIST", FIRST),
    ),
    store(
        "pexpire",
        "<key> <milliseconds> [NX|XX|GT|LT]",
        "lets the key expire in so many milliseconds",
        takes(2, MANY, "requires a key and a number of milliseconds."),
        writes("PEXPIRE", FIRST),
    ),
    store(
        "pexpireat",
        "<key> <time> [NX|XX|GT|LT]",
        "lets the key expire at a time in Unix milliseconds",
        takes(2, MANY, "requires a key and a time in Unix milliseconds."),
        writes("PEXPIREAT", FIRST),
    ),
    store(
        "pexpiretime",
        "<key>",
        "gives the time in Unix milliseconds at which the key expires",
        KEY,
        reads("PEXPIRETIME", FIRST),
    ),
    store(
        "pttl",
        "<key>",
        "gives the milliseconds until the key expires",
        KEY,
        reads("PTTL", FIRST),
    ),
    store("randomkey", "", "gives some key", NONE, own("RANDOMKEY", Own::RandomKey, Effect::Read)),
    store(
        "rename",
        "<key> <new-key>",
        "gives the value another key, in the place of what was there",
        TWO_KEYS,
        sets("RENAME", FIRST_TWO, Fate::Moves(When::Always)).makes(Lengths::Moves),
    ),
    store(
        "renamenx",
        "<key> <new-key>",
        "gives the value another key, if there is none yet; gives 1 if so",
        TWO_KEYS,
        sets("RENAMENX", FIRST_TWO, Fate::Moves(When::One)).makes(Lengths::Moves),
    ),
    store(
        "restore",
        "<key> <milliseconds> <value> [REPLACE] [ABSTTL] [IDLETIME <seconds>] [FREQ <frequency>]",
        "stores what dump gave",
        with_value(2, 3, MANY, "requires a key, a number of milliseconds and what dump gave."),
        sets("RESTORE", FIRST, Fate::Sets(When::Always))
            .makes(Lengths::MayUnpack(2))
            .costs(Cost::Unpacks),
    )
    .for_administrators(),
    store(
        "scan",
        "<cursor> [MATCH <pattern>] [COUNT <number>] [TYPE <type>]",
        "lists some keys after the cursor's, and the next cursor before them; 0 begins and ends",
        takes(1, MANY, "requires a cursor."),
        own("SCAN", Own::Scan, Effect::Read).shaped(Shape::Step),
    ),
    store(
        "touch",
        "<key>...",
        "counts those of the keys that exist, as used now",
        KEYS,
        reads("TOUCH", ALL).split(Merge::Sum),
    ),
    store(
        "ttl",
        "<key>",
        "gives the seconds until the key expires, -1 if never, -2 if there is no such key",
        KEY,
        reads("TTL", FIRST),
    ),
    store("type", "<key>", "gives the type of the value, or none", KEY, reads("TYPE", FIRST)),
    store(
        "unlink",
        "<key>...",
        "removes the keys and gives how many existed",
        KEYS,
        writes("UNLINK", ALL)
            .makes(Lengths::Removed)
            .tells(Fate::Removes(When::Positive))
            .split(Merge::Sum),
    ),
];

const OBJECT: &[Command] = &[
    substore(
        "object encoding",
        "<key>",
        "tells how the value is encoded",
        KEY,
        reads("OBJECT ENCODING", FIRST),
    ),
    substore(
        "object freq",
        "<key>",
        "tells how often the value is used",
        KEY,
        reads("OBJECT FREQ", FIRST),
    ),
    sub("object help", "", "lists the subcommands", NONE, Run::Local(Local::ObjectHelp)).at_once(),
    substore(
        "object idletime",
        "<key>",
        "tells how long the value was not used",
        KEY,
        reads("OBJECT IDLETIME", FIRST),
    ),
    substore(
        "object refcount",
        "<key>",
        "tells how often the value is referred to",
        KEY,
        reads("OBJECT REFCOUNT", FIRST),
    ),
];
