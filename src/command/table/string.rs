//! Commands on values.

use super::row::{Command, KEY, KEYS, MANY, store, takes, with_value};
use crate::store::Verb;

const KEY_AND_NUMBER: &str = "requires a key and a number.";
const KEY_AND_VALUE: &str = "requires a key and a value.";
const PAIRS: &str = "requires pairs of a key and a value.";

pub(super) const ROWS: &[Command] = &[
    store(
        "append",
        "<key> <value>",
        "appends to the value at the key; gives its new length",
        with_value(1, 2, 2, KEY_AND_VALUE),
        Verb::Append,
    ),
    store(
        "bitcount",
        "<key> [<start> [<end> [BYTE|BIT]]]",
        "counts the bits that are set in the value, or in a part of it",
        takes(1, MANY, "requires a key, and at most start, end and unit."),
        Verb::BitCount,
    ),
    store("decr", "<key>", "takes 1 from the number at the key", KEY, Verb::Decr),
    store(
        "decrby",
        "<key> <decrement>",
        "takes a number from the number at the key",
        takes(2, 2, KEY_AND_NUMBER),
        Verb::DecrBy,
    ),
    store("get", "<key>", "gives the value at the key, or (nil)", KEY, Verb::Get),
    store(
        "getbit",
        "<key> <offset>",
        "gives one bit of the value",
        takes(2, 2, "requires a key and an offset."),
        Verb::GetBit,
    ),
    store("getdel", "<key>", "gives the value at the key, and removes it", KEY, Verb::GetDel),
    store(
        "getex",
        "<key> [EX <seconds>|PX <milliseconds>|EXAT <time>|PXAT <time>|PERSIST]",
        "gives the value at the key, and sets or removes its expiry",
        takes(1, MANY, "requires a key."),
        Verb::GetEx,
    ),
    store(
        "getrange",
        "<key> <start> <end>",
        "gives the bytes of the value from start to end",
        takes(3, 3, "requires a key, a start and an end."),
        Verb::GetRange,
    ),
    store(
        "getset",
        "<key> <value>",
        "stores the value at the key; gives the one before",
        with_value(1, 2, 2, KEY_AND_VALUE),
        Verb::GetSet,
    ),
    store("incr", "<key>", "adds 1 to the number at the key", KEY, Verb::Incr),
    store(
        "incrby",
        "<key> <increment>",
        "adds a number to the number at the key",
        takes(2, 2, KEY_AND_NUMBER),
        Verb::IncrBy,
    ),
    store(
        "incrbyfloat",
        "<key> <increment>",
        "adds a number that need not be whole to the number at the key",
        takes(2, 2, KEY_AND_NUMBER),
        Verb::IncrByFloat,
    ),
    store(
        "lcs",
        "<key> <key> [LEN] [IDX] [MINMATCHLEN <length>] [WITHMATCHLEN]",
        "gives the longest common subsequence of two values",
        takes(2, MANY, "requires two keys."),
        Verb::Lcs,
    ),
    store("mget", "<key>...", "gives the values at the keys", KEYS, Verb::MGet),
    store(
        "mset",
        "<key> <value> [<key> <value>]...",
        "stores each value at the key before it, all at once",
        takes(2, MANY, PAIRS),
        Verb::MSet,
    ),
    store(
        "msetnx",
        "<key> <value> [<key> <value>]...",
        "does as mset, but only if none of the keys exists; gives 1 if so",
        takes(2, MANY, PAIRS),
        Verb::MSetNx,
    ),
    store(
        "psetex",
        "<key> <milliseconds> <value>",
        "stores the value at the key and lets it expire in so many milliseconds",
        with_value(2, 3, 3, "requires a key, a number of milliseconds and a value."),
        Verb::PSetEx,
    ),
    store(
        "set",
        "<key> <value> [NX|XX] [GET] [EX <seconds>|PX <milliseconds>|EXAT <time>|PXAT <time>|KEEPTTL]",
        "stores the value at the key",
        with_value(1, 2, MANY, KEY_AND_VALUE),
        Verb::Set,
    ),
    store(
        "setbit",
        "<key> <offset> <bit>",
        "sets one bit of the value; gives what it was",
        takes(3, 3, "requires a key, an offset and a bit."),
        Verb::SetBit,
    ),
    store(
        "setex",
        "<key> <seconds> <value>",
        "stores the value at the key and lets it expire in so many seconds",
        with_value(2, 3, 3, "requires a key, a number of seconds and a value."),
        Verb::SetEx,
    ),
    store(
        "setnx",
        "<key> <value>",
        "stores the value if there is no such key; gives 1 if so",
        with_value(1, 2, 2, KEY_AND_VALUE),
        Verb::SetNx,
    ),
    store(
        "setrange",
        "<key> <offset> <value>",
        "overwrites the value from the offset on; gives its new length",
        with_value(2, 3, 3, "requires a key, an offset and a value."),
        Verb::SetRange,
    ),
    store("strlen", "<key>", "gives the length of the value in bytes", KEY, Verb::StrLen),
    store(
        "substr",
        "<key> <start> <end>",
        "is the old name of getrange",
        takes(3, 3, "requires a key, a start and an end."),
        Verb::GetRange,
    ),
];
