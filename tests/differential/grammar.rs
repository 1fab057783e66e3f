//! The commands that are sent, as weighted patterns.
//!
//! A pattern is words; `<key>` and the like stand for random words (`word.rs`); `(a|b c)` is one of
//! these, `(a|b)?` one or none, `(a|b)+` one to four, `(a|b)*` none to four, so that `*` makes
//! options that contradict or repeat each other. Wrong numbers of arguments and arguments of the
//! wrong kind come by themselves: `generate.rs` spoils some of all commands.

/// A pattern, and how often it is taken in comparison with others.
pub(crate) type Rule = (usize, &'static str);

/// Everything that may stand anywhere, in a transaction too.
pub(crate) const ANYWHERE: &[&[Rule]] = &[STRINGS, NUMBERS, BITS, KEYS, TIMES, CONNECTION, SERVER];

const STRINGS: &[Rule] = &[
    (40, "GET <any>"),
    (30, "SET <key> <value>"),
    (40, "SET <key> <value> (NX|XX|GET|EX <seconds>|PX <ms>|EXAT <at>|PXAT <pat>|KEEPTTL|<odd>)*"),
    (15, "SET <key> <value> (NX|XX|GET|KEEPTTL)+"),
    (15, "SET <short> <text>"),
    (10, "SETNX <key> <value>"),
    (10, "SETEX <key> <seconds> <value>"),
    (10, "PSETEX <key> <ms> <value>"),
    (10, "GETSET <key> <value>"),
    (10, "GETDEL <any>"),
    (10, "GETEX <any>"),
    (15, "GETEX <any> (EX <seconds>|PX <ms>|EXAT <at>|PXAT <pat>|PERSIST|<odd>)"),
    (5, "GETEX <any> (EX <seconds>|PX <ms>|EXAT <at>|PXAT <pat>|PERSIST|KEEPTTL)+"),
    (20, "MGET (<any>)+"),
    (10, "MSET (<key> <value>)+"),
    (5, "MSET (<key>)+"),
    (10, "MSETNX (<key> <value>)+"),
    (5, "MSETNX (<key>)+"),
    (10, "APPEND <key> <value>"),
    (10, "STRLEN <any>"),
    (20, "GETRANGE <any> <index> <index>"),
    (5, "SUBSTR <any> <int> <int>"),
    (15, "SETRANGE <key> <offset> <value>"),
    (10, "LCS <short> <short>"),
    (10, "LCS <short> <short> (LEN|IDX|MINMATCHLEN <index>|WITHMATCHLEN)*"),
    (3, "LCS (<short>|never|list) (<short>|never) (LEN|IDX|MINMATCHLEN|WITHMATCHLEN|<odd>)*"),
];

const NUMBERS: &[Rule] = &[
    (15, "SET <num> <int>"),
    (5, "SET <num> <float>"),
    (15, "INCR (<num>|<key>)"),
    (10, "DECR (<num>|<key>)"),
    (15, "INCRBY (<num>|<key>) <int>"),
    (10, "DECRBY (<num>|<key>) <int>"),
    (25, "INCRBYFLOAT (<num>|<num>|<key>) <float>"),
];

const BITS: &[Rule] = &[
    (10, "SETBIT <key> <bit> (0|1)"),
    (3, "SETBIT <key> <bit> (0|1|2|<odd>)"),
    (10, "GETBIT <any> <anybit>"),
    (5, "BITCOUNT <any>"),
    (15, "BITCOUNT <any> <index> <index> (BYTE|BIT)?"),
    (4, "BITCOUNT <any> <int> <int> (BYTE|BIT|<odd>)*"),
    (2, "BITCOUNT <any> <index>"),
    (6, "BITPOS <any> (0|1) (<index>)?"),
    (12, "BITPOS <any> (0|1) <index> <index> (BYTE|BIT)?"),
    (4, "BITPOS <any> (0|1|2|<odd>) <int> <int> (BYTE|BIT|<odd>)*"),
    (10, "BITOP (AND|OR|XOR) <key> (<any>)+"),
    (4, "BITOP NOT <key> <any>"),
    (2, "BITOP (NOT|<odd>) <key> (<any>)+"),
    (8, "BITFIELD_RO <any> GET (i5|u8|i64|u63|u1|i16) (<bit>|#0|#3)"),
    (2, "BITFIELD_RO <any> (GET|SET|<odd>) (i5|u64|<odd>) (<bit>|<odd>)"),
    (10, "BITFIELD <key> SET (i5|u8|i64|u63|u1) (<bit>|#0|#2) <int> GET u8 #0"),
    (10, "BITFIELD <key> OVERFLOW (WRAP|SAT|FAIL) INCRBY (i5|u8|i64|u63) (<bit>|#1) <int>"),
    (3, "BITFIELD <key> (OVERFLOW|GET|<odd>) (FOO|i0|u64|<odd>) (<bit>|<odd>)"),
];

const KEYS: &[Rule] = &[
    (15, "DEL (<any>)+"),
    (10, "UNLINK (<any>)+"),
    (15, "EXISTS (<any>)+"),
    (10, "TOUCH (<any>)+"),
    (10, "TYPE <any>"),
    (10, "COPY <any> <key>"),
    (15, "COPY <any> <key> (REPLACE|DB 0|REPLACE|DB 0|DB 1|DB <int>|<odd>)*"),
    (10, "RENAME <any> <key>"),
    (10, "RENAMENX <any> <key>"),
    (15, "OBJECT ENCODING <any>"),
    (5, "OBJECT REFCOUNT <any>"),
    (3, "OBJECT (IDLETIME|FREQ) <any>"),
    (2, "OBJECT (HELP|<name>|<bytes>) (<bytes>)?"),
    // Not walked through: the shape and the errors alone. `generate.rs` has whole iterations.
    (10, "SCAN 0 (MATCH <pattern>|COUNT <count>|TYPE string|TYPE list|TYPE <bytes>|<odd>)*"),
    (5, "SCAN <odd> (MATCH|COUNT|TYPE|NOVALUES|COUNT <odd>)*"),
];

const TIMES: &[Rule] = &[
    (20, "EXPIRE <any> <seconds> (NX|XX|GT|LT)?"),
    (10, "EXPIRE <any> <seconds> (NX|XX|GT|LT|<odd>)*"),
    (10, "PEXPIRE <any> <ms> (NX|XX|GT|LT)?"),
    (5, "PEXPIRE <any> <ms> (NX|XX|GT|LT|<odd>)*"),
    (15, "EXPIREAT <any> <at> (NX|XX|GT|LT)?"),
    (5, "EXPIREAT <any> <at> (NX|XX|GT|LT|<bytes>)*"),
    (15, "PEXPIREAT <any> <pat> (NX|XX|GT|LT)?"),
    (5, "PEXPIREAT <any> <pat> (NX|XX|GT|LT|<odd>)*"),
    (15, "TTL <any>"),
    (15, "PTTL <any>"),
    (15, "EXPIRETIME <any>"),
    (15, "PEXPIRETIME <any>"),
    (15, "PERSIST <any>"),
];

const CONNECTION: &[Rule] = &[
    (8, "PING (<value>)?"),
    (5, "ECHO <value>"),
    (5, "SELECT (0|0|0|1|-1|x|00|15|16|2147483647|2147483648|<odd>)"),
    (3, "CLIENT GETNAME"),
    (3, "CLIENT SETNAME (me|you|<bytes>|<odd>)"),
    (3, "CLIENT SETINFO (lib-name|lib-ver|LIB-NAME|<bytes>) (library|1.0|<bytes>|<odd>)"),
    (2, "CLIENT (NO-EVICT|NO-TOUCH) (on|off|<odd>)"),
    (2, "CLIENT (ID|INFO|LIST)"),
    (2, "CLIENT LIST (TYPE (normal|pubsub|<bytes>)|ID (0|<odd>|999999999)|<odd>)"),
    (2, "CLIENT KILL (ID (0|-1|abc|999999999)|ADDR nowhere:1|nowhere:1|USER nobody|<bytes>)"),
    (2, "CLIENT (<name>|<bytes>) (<bytes>)*"),
    (1, "CLIENT"),
    (4, "HELLO (2|3|2|3|1|4|<odd>)?"),
    (
        3,
        "HELLO (2|3) (AUTH (default|nobody) <text>|SETNAME (me|you|<bytes>)|AUTH|SETNAME|<bytes>)*",
    ),
    (2, "AUTH (<text>|default <text>|nobody <text>|<odd> <odd> <odd>)"),
    (2, "RESET"),
    (1, "QUIT (<odd>)?"),
];

const SERVER: &[Rule] = &[
    (2, "TIME"),
    (1, "LASTSAVE"),
    (1, "INFO (server|clients|memory|stats|replication|keyspace|nothing)?"),
    (2, "CONFIG GET (maxmemory|save|appendonly|nothing)+"),
    (1, "CONFIG (<name>|<bytes>) (<odd>)*"),
    (2, "MEMORY USAGE <any> (SAMPLES <odd>|SAMPLES 5|<odd>)?"),
    (1, "MEMORY (<name>|<bytes>)"),
    (1, "COMMAND COUNT"),
    (2, "COMMAND INFO (get|set|mget|client|nosuch|<bytes>)+"),
    (1, "COMMAND DOCS (get|nosuch)?"),
    (
        2,
        "COMMAND GETKEYS (get a|mset a 1 b 2|set a b NX|ping|nosuch a|get|object encoding a|copy a b)",
    ),
    (1, "COMMAND LIST (FILTERBY (PATTERN nosuch*|<bytes> x))?"),
    (1, "COMMAND (<name>|<bytes>) (<odd>)*"),
    (6, "<name> (<bytes>|<value>|<odd>)*"),
    // Commands that kvsock does not serve; the reference does not know them either (`server.rs`).
    (4, "(LPUSH|RPUSH|HSET|SADD|ZADD|PUBLISH|SUBSCRIBE|BLPOP|REPLICAOF|MONITOR) (<value>)*"),
    (3, "(MIGRATE|DEBUG|MODULE|ACL|SORT|MOVE|SWAPDB|BITOP|LRANGE|HGETALL|WAIT) (<key>|<odd>)*"),
];

/// What is about all keys, and may stand in a transaction wherever it may stand at all.
pub(crate) const ALL_KEYS: &[Rule] = &[(10, "KEYS <pattern>")];

/// The same that kvsock refuses in a transaction under a prefix.
pub(crate) const DATABASE: &[Rule] = &[
    (3, "DBSIZE <odd>"),
    (8, "RANDOMKEY"),
    (1, "FLUSHDB (SYNC|ASYNC)?"),
    (1, "FLUSHALL (SYNC|ASYNC)?"),
    (3, "(FLUSHDB|FLUSHALL) (SYNC|ASYNC|<odd>) (SYNC|ASYNC|<odd>)"),
];

/// A transaction that sees all keys before and after it changes some.
pub(crate) const WHOLE: &[Rule] = &[
    (10, "KEYS <pattern>"),
    (10, "KEYS *"),
    (10, "SCAN 0 COUNT 1000 (MATCH <pattern>)?"),
    (10, "SET <key> <value> (PXAT <pat>)?"),
    (5, "MSET (<key> <value>)+"),
    (5, "DEL (<any>)+"),
    (5, "RENAME <any> <key>"),
    (5, "GET <any>"),
];

/// The same of the commands that kvsock refuses under a prefix.
pub(crate) const WHOLE_DATABASE: &[Rule] =
    &[(15, "DBSIZE"), (15, "RANDOMKEY"), (2, "FLUSHDB (SYNC|ASYNC)?"), (2, "FLUSHALL")];

/// In a transaction alone: elsewhere it is sent after a whole iteration, see `generate.rs`.
pub(crate) const SIZE: &[Rule] = &[(10, "DBSIZE")];

/// What Valkey refuses in a transaction, and so does kvsock.
pub(crate) const OUTSIDE_TRANSACTIONS: &[Rule] = &[
    // Without BGSAVE, during which SAVE fails.
    (1, "SAVE"),
];

/// What changes the state of a connection, so that what comes after it in the same write must be
/// carried out otherwise.
pub(crate) const SESSION: &[Rule] = &[
    (12, "RESET"),
    (20, "HELLO (2|3)"),
    (5, "HELLO (2|3) AUTH default <text>"),
    (5, "HELLO (2|3) SETNAME (me|you|<bytes>)"),
    (5, "HELLO (2|3) AUTH default <text> SETNAME (me|you)"),
    (3, "HELLO (1|4|<odd>)"),
    (5, "AUTH default <text>"),
    (8, "SELECT 0"),
    (3, "SELECT (1|16|<odd>)"),
    (6, "CLIENT SETNAME (me|you|<bytes>)"),
    (12, "CLIENT GETNAME"),
    (3, "CLIENT (NO-EVICT|NO-TOUCH) (on|off)"),
    (8, "WATCH (<any>)+"),
    (6, "UNWATCH"),
    (15, "MULTI"),
    (12, "EXEC"),
    (5, "DISCARD"),
    (2, "QUIT"),
];

/// The first line of a connection, as some clients send it: words without anything to quote.
pub(crate) const OPENINGS: &[Rule] = &[
    (10, "HELLO (2|3)"),
    (5, "HELLO (2|3) AUTH default (x|secret)"),
    (5, "HELLO (2|3) SETNAME (me|you)"),
    (5, "HELLO (2|3) AUTH default (x|secret) SETNAME (me|you)"),
    (2, "HELLO (2|3) SETNAME me AUTH default x"),
    (1, "HELLO"),
    (1, "HELLO (1|4|x|03)"),
    (1, "HELLO (2|3) (AUTH nobody x|AUTH default|SETNAME|FOO)"),
];

/// What only a Valkey can do.
pub(crate) const DUMPS: &[Rule] = &[
    (10, "DUMP <any>"),
    // No time near the limit, which Valkey adds to the present time without a check.
    (
        10,
        "RESTORE <key> (0|0|20000000|300000000|-1|abc) <payload> (REPLACE|IDLETIME <odd>|FREQ <odd>|<odd>)*",
    ),
    (5, "RESTORE <key> <pat> <payload> (REPLACE)? ABSTTL"),
];

/// How transactions begin, go on and end, wherever the connection stands.
pub(crate) const TRANSACTIONS: &[Rule] =
    &[(40, "WATCH (<any>)+"), (10, "UNWATCH"), (40, "MULTI"), (3, "EXEC"), (3, "DISCARD")];

/// The same within a transaction.
pub(crate) const IN_TRANSACTION: &[Rule] =
    &[(100, "EXEC"), (15, "DISCARD"), (2, "MULTI"), (2, "WATCH <any>"), (5, "UNWATCH")];
