//! Commands on values.

use super::places::{ALL, FIRST, FIRST_TWO, PAIRED, REST};
use super::row::{Command, KEY, KEYS, MANY, store, takes, with_value};
use super::spec::{Cost, Fate, Lengths, Merge, Reach, Values, When, reads, sets, writes};

const KEY_AND_NUMBER: &str = "requires a key and a number.";
const KEY_AND_VALUE: &str = "requires a key and a value.";
const PAIRS: &str = "requires pairs of a key and a value.";

/// What a whole number's text takes.
const WHOLE_NUMBER: Lengths = Lengths::MayHave(20);

pub(super) const ROWS: &[Command] = &[
    store(
        "append",
        "<key> <value>",
        "appends to the value at the key; gives its new length",
        with_value(1, 2, 2, KEY_AND_VALUE),
        writes("APPEND", FIRST).makes(Lengths::Appends(1)),
    ),
    store(
        "bitcount",
        "<key> [<start> [<end> [BYTE|BIT]]]",
        "counts the bits that are set in the value, or in a part of it",
        takes(1, MANY, "requires a key, and at most start, end and unit."),
        reads("BITCOUNT", FIRST).costs(Cost::Reads),
    ),
    store(
        "bitfield",
        "<key> [GET <encoding> <offset>] [OVERFLOW WRAP|SAT|FAIL] [SET <encoding> <offset> <value>] [INCRBY <encoding> <offset> <increment>]",
        "reads and changes integers of any width within the value",
        takes(1, MANY, "requires a key, and integers by their encodings and offsets."),
        writes("BITFIELD", FIRST).makes(Lengths::Reaches(Reach::Fields)).costs(Cost::Grows),
    ),
    store(
        "bitfield_ro",
        "<key> [GET <encoding> <offset>]...",
        "reads integers of any width within the value",
        takes(1, MANY, "requires a key, and integers by their encodings and offsets."),
        reads("BITFIELD_RO", FIRST),
    ),
    store(
        "bitop",
        "AND|OR|XOR|NOT <destination> <key>...",
        "stores the combination of the values, bit by bit; gives its length",
        takes(3, MANY, "requires an operation, a destination and keys."),
        sets("BITOP", REST, Fate::SetsToLength).makes(Lengths::Combines).costs(Cost::Combines),
    ),
    store(
        "bitpos",
        "<key> <bit> [<start> [<end> [BYTE|BIT]]]",
        "gives the place of the first bit that is 0 or 1, or -1",
        takes(2, MANY, "requires a key and a bit, and at most start, end and unit."),
        reads("BITPOS", FIRST).costs(Cost::Reads),
    ),
    store(
        "decr",
        "<key>",
        "takes 1 from the number at the key",
        KEY,
        writes("DECR", FIRST).makes(WHOLE_NUMBER),
    ),
    store(
        "decrby",
        "<key> <decrement>",
        "takes a number from the number at the key",
        takes(2, 2, KEY_AND_NUMBER),
        writes("DECRBY", FIRST).makes(WHOLE_NUMBER),
    ),
    store(
        "get",
        "<key>",
        "gives the value at the key, or (nil)",
        KEY,
        reads("GET", FIRST).gives(Values::Whole),
    ),
    store(
        "getbit",
        "<key> <offset>",
        "gives one bit of the value",
        takes(2, 2, "requires a key and an offset."),
        reads("GETBIT", FIRST),
    ),
    store(
        "getdel",
        "<key>",
        "gives the value at the key, and removes it",
        KEY,
        writes("GETDEL", FIRST)
            .gives(Values::Whole)
            .makes(Lengths::Removed)
            .tells(Fate::Removes(When::Value)),
    ),
    store(
        "getex",
        "<key> [EX <seconds>|PX <milliseconds>|EXAT <time>|PXAT <time>|PERSIST]",
        "gives the value at the key, and sets or removes its expiry",
        takes(1, MANY, "requires a key."),
        writes("GETEX", FIRST).gives(Values::Whole),
    ),
    store(
        "getrange",
        "<key> <start> <end>",
        "gives the bytes of the value from start to end",
        takes(3, 3, "requires a key, a start and an end."),
        reads("GETRANGE", FIRST).gives(Values::Made),
    ),
    store(
        "getset",
        "<key> <value>",
        "stores the value at the key; gives the one before",
        with_value(1, 2, 2, KEY_AND_VALUE),
        sets("GETSET", FIRST, Fate::Sets(When::Always))
            .gives(Values::Whole)
            .makes(Lengths::Becomes(1)),
    ),
    store(
        "incr",
        "<key>",
        "adds 1 to the number at the key",
        KEY,
        writes("INCR", FIRST).makes(WHOLE_NUMBER),
    ),
    store(
        "incrby",
        "<key> <increment>",
        "adds a number to the number at the key",
        takes(2, 2, KEY_AND_NUMBER),
        writes("INCRBY", FIRST).makes(WHOLE_NUMBER),
    ),
    store(
        "incrbyfloat",
        "<key> <increment>",
        "adds a number that need not be whole to the number at the key",
        takes(2, 2, KEY_AND_NUMBER),
        writes("INCRBYFLOAT", FIRST).makes(Lengths::MayHave(5 * 1024)),
    ),
    store(
        "lcs",
        "<key> <key> [LEN] [IDX] [MINMATCHLEN <length>] [WITHMATCHLEN]",
        "gives the longest common subsequence of two values",
        takes(2, MANY, "requires two keys."),
        reads("LCS", FIRST_TWO).gives(Values::Made).costs(Cost::Product).pinned(),
    ),
    store(
        "mget",
        "<key>...",
        "gives the values at the keys",
        KEYS,
        reads("MGET", ALL).gives(Values::Each).split(Merge::Places),
    ),
    store(
        "mset",
        "<key> <value> [<key> <value>]...",
        "stores each value at the key before it, all at once",
        takes(2, MANY, PAIRS),
        sets("MSET", PAIRED, Fate::Sets(When::Always))
            .makes(Lengths::PairsBecome)
            .split(Merge::Same),
    ),
    store(
        "msetnx",
        "<key> <value> [<key> <value>]...",
        "does as mset, but only if none of the keys exists; gives 1 if so",
        takes(2, MANY, PAIRS),
        sets("MSETNX", PAIRED, Fate::Sets(When::One)).makes(Lengths::PairsMayBecome),
    ),
    store(
        "psetex",
        "<key> <milliseconds> <value>",
        "stores the value at the key and lets it expire in so many milliseconds",
        with_value(2, 3, 3, "requires a key, a number of milliseconds and a value."),
        sets("PSETEX", FIRST, Fate::Sets(When::Always)).makes(Lengths::MayBecome(2)),
    ),
    store(
        "set",
        "<key> <value> [NX|XX] [GET] [EX <seconds>|PX <milliseconds>|EXAT <time>|PXAT <time>|KEEPTTL]",
        "stores the value at the key",
        with_value(1, 2, MANY, KEY_AND_VALUE),
        sets("SET", FIRST, Fate::Sets(When::AsSet))
            .gives(Values::IfOption("GET"))
            .makes(Lengths::Becomes(1)),
    ),
    store(
        "setbit",
        "<key> <offset> <bit>",
        "sets one bit of the value; gives what it was",
        takes(3, 3, "requires a key, an offset and a bit."),
        writes("SETBIT", FIRST).makes(Lengths::Reaches(Reach::Bit)).costs(Cost::Grows),
    ),
    store(
        "setex",
        "<key> <seconds> <value>",
        "stores the value at the key and lets it expire in so many seconds",
        with_value(2, 3, 3, "requires a key, a number of seconds and a value."),
        sets("SETEX", FIRST, Fate::Sets(When::Always)).makes(Lengths::MayBecome(2)),
    ),
    store(
        "setnx",
        "<key> <value>",
        "stores the value if there is no such key; gives 1 if so",
        with_value(1, 2, 2, KEY_AND_VALUE),
        sets("SETNX", FIRST, Fate::Sets(When::One)).makes(Lengths::MayBecome(1)),
    ),
    store(
        "setrange",
        "<key> <offset> <value>",
        "overwrites the value from the offset on; gives its new length",
        with_value(2, 3, 3, "requires a key, an offset and a value."),
        writes("SETRANGE", FIRST).makes(Lengths::Reaches(Reach::Bytes)).costs(Cost::Grows),
    ),
    store("strlen", "<key>", "gives the length of the value in bytes", KEY, reads("STRLEN", FIRST)),
    store(
        "substr",
        "<key> <start> <end>",
        "is the old name of getrange",
        takes(3, 3, "requires a key, a start and an end."),
        reads("GETRANGE", FIRST).gives(Values::Made),
    ),
];
