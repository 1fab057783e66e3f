//! The operations of an engine: the verbs, and the properties of each.

use bytes::Bytes;

use crate::message::Args;

/// The name of the index of `last` in a Valkey store, after the prefix.
pub(super) const LAST_INDEX: &[u8] = b"\0kvsock:last";

/// Whether a client's key has the name of the side index, which no command accepts.
pub(super) fn is_reserved(key: &[u8]) -> bool {
    key.ends_with(LAST_INDEX)
}

/// One operation on the store. Keys are the client's, without the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The verb.
    pub verb: Verb,
    /// The arguments, in the order of the Valkey command of that name. Their number was checked,
    /// their contents were not.
    pub args: Args,
}

/// Which arguments are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// None.
    None,
    /// The first.
    First,
    /// The second.
    Second,
    /// The first two.
    FirstTwo,
    /// All.
    All,
    /// The first, the third, and so on.
    Alternate,
    /// As many after the second as the number in the second.
    Numbered,
}

/// What an operation does to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// None: the operation may be sent again.
    Read,
    /// A change: the operation is never sent again.
    Write,
    /// Whole values are stored. Their keys become the most recently set ones.
    Store,
}

/// The cost of an operation to a store, besides its request and its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Negligible.
    Small,
    /// The whole value is read, though little of it is in the reply; or all keys are.
    Reads,
    /// The whole value is copied.
    Copies,
    /// The value may grow up to an offset that the request names, however short the request is.
    Grows,
    /// The product of the two values' lengths.
    Product,
}

/// Each verb with its name, its keys, its effect, and its cost unless that is small.
macro_rules! verbs {
    ($($(#[$meta:meta])*
        $verb:ident = $name:literal, $keys:ident, $effect:ident $(, $cost:ident)?;)*) => {
        /// A verb. Arguments, replies and error texts are those of the Valkey command
        /// [`Verb::name`], unless told otherwise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Verb {
            $($(#[$meta])* $verb,)*
        }

        impl Verb {
            /// The Valkey command of the same meaning, or the name of the compound operation.
            pub fn name(self) -> &'static str {
                match self { $(Verb::$verb => $name,)* }
            }

            /// Which arguments are keys.
            pub fn keys(self) -> Keys {
                match self { $(Verb::$verb => Keys::$keys,)* }
            }

            /// The effect on the data.
            pub fn effect(self) -> Effect {
                match self { $(Verb::$verb => Effect::$effect,)* }
            }

            /// The cost to a store.
            pub fn cost(self) -> Cost {
                match self { $(Verb::$verb => cost!($($cost)?),)* }
            }
        }
    };
}

macro_rules! cost {
    () => {
        Cost::Small
    };
    ($cost:ident) => {
        Cost::$cost
    };
}

verbs! {
    /// No arguments. `PONG` once the store answered.
    Ping = "PING", None, Read;
    /// key
    Get = "GET", First, Read;
    /// key value `[options]`
    Set = "SET", First, Store;
    /// key value
    SetNx = "SETNX", First, Store;
    /// key seconds value
    SetEx = "SETEX", First, Store;
    /// key milliseconds value
    PSetEx = "PSETEX", First, Store;
    /// key value
    GetSet = "GETSET", First, Store;
    /// key
    GetDel = "GETDEL", First, Write;
    /// key `[options]`
    GetEx = "GETEX", First, Write;
    /// key...
    MGet = "MGET", All, Read;
    /// key value [key value]...
    MSet = "MSET", Alternate, Store;
    /// key value [key value]...
    MSetNx = "MSETNX", Alternate, Store;
    /// key value
    Append = "APPEND", First, Write;
    /// key
    StrLen = "STRLEN", First, Read;
    /// key start end
    GetRange = "GETRANGE", First, Read;
    /// key offset value
    SetRange = "SETRANGE", First, Write, Grows;
    /// key
    Incr = "INCR", First, Write;
    /// key
    Decr = "DECR", First, Write;
    /// key increment
    IncrBy = "INCRBY", First, Write;
    /// key decrement
    DecrBy = "DECRBY", First, Write;
    /// key increment
    IncrByFloat = "INCRBYFLOAT", First, Write;
    /// key offset bit
    SetBit = "SETBIT", First, Write, Grows;
    /// key offset
    GetBit = "GETBIT", First, Read;
    /// key `[range]`
    BitCount = "BITCOUNT", First, Read, Reads;
    /// key key `[options]`
    Lcs = "LCS", FirstTwo, Read, Product;
    /// key...
    Del = "DEL", All, Write;
    /// key...
    Unlink = "UNLINK", All, Write;
    /// key...
    Exists = "EXISTS", All, Read;
    /// key...
    Touch = "TOUCH", All, Read;
    /// key
    Type = "TYPE", First, Read;
    /// source destination `[REPLACE]`: never a database
    Copy = "COPY", FirstTwo, Store, Copies;
    /// source destination
    Rename = "RENAME", FirstTwo, Store;
    /// source destination
    RenameNx = "RENAMENX", FirstTwo, Store;
    /// No arguments.
    RandomKey = "RANDOMKEY", None, Read;
    /// cursor `[options]`. An array of the next cursor and a list of keys.
    Scan = "SCAN", None, Read;
    /// key seconds `[condition]`
    Expire = "EXPIRE", First, Write;
    /// key milliseconds `[condition]`
    PExpire = "PEXPIRE", First, Write;
    /// key Unix-seconds `[condition]`
    ExpireAt = "EXPIREAT", First, Write;
    /// key Unix-milliseconds `[condition]`
    PExpireAt = "PEXPIREAT", First, Write;
    /// key
    Ttl = "TTL", First, Read;
    /// key
    PTtl = "PTTL", First, Read;
    /// key
    ExpireTime = "EXPIRETIME", First, Read;
    /// key
    PExpireTime = "PEXPIRETIME", First, Read;
    /// key
    Persist = "PERSIST", First, Write;
    /// `ENCODING`, `FREQ`, `IDLETIME` or `REFCOUNT`, then a key
    Object = "OBJECT", Second, Read;
    /// `USAGE` key `[options]`
    MemoryUsage = "MEMORY", Second, Read;
    /// key
    Dump = "DUMP", First, Read, Copies;
    /// key milliseconds value `[options]`
    Restore = "RESTORE", First, Store, Copies;
    /// script, number of keys, keys, arguments
    Eval = "EVAL", Numbered, Write;
    /// digest, number of keys, keys, arguments
    EvalSha = "EVALSHA", Numbered, Write;
    /// `LOAD`, `EXISTS` or `FLUSH`, then what it takes
    Script = "SCRIPT", None, Write;
    /// count (decimal, positive). [`crate::message::Reply::Pairs`] of the most recently set
    /// pairs, the newest last; without those that were removed or have expired.
    Last = "LAST", None, Read;
    /// No arguments. The number of keys under the prefix, without the side index.
    Size = "DBSIZE", None, Read;
    /// `[pattern]`. The keys under the prefix that match the glob, each once, sorted by bytes,
    /// within [`super::Options::max_reply`].
    Keys = "KEYS", None, Read, Reads;
    /// No arguments. `OK` when every key under the prefix is removed. Under a prefix on Valkey not
    /// atomic.
    Clear = "FLUSHDB", None, Write;
    /// No arguments. `OK` once all data acknowledged before is on disk.
    Save = "SAVE", None, Read;
    /// `[SCHEDULE]`. Begins to save.
    BgSave = "BGSAVE", None, Read;
    /// No arguments. When the last save ended, in Unix seconds.
    LastSave = "LASTSAVE", None, Read;
}

impl Verb {
    /// Whether the operation takes more than one command, since it concerns more than the keys it
    /// names.
    pub fn is_compound(self) -> bool {
        matches!(
            self,
            Verb::Last | Verb::Size | Verb::Keys | Verb::RandomKey | Verb::Clear | Verb::Save
        )
    }
}

impl Keys {
    /// Whether the argument at `position`, counted from 0, is a key.
    pub fn include(self, position: usize, args: &[Bytes]) -> bool {
        match self {
            Keys::None => false,
            Keys::First => position == 0,
            Keys::Second => position == 1,
            Keys::FirstTwo => position < 2,
            Keys::All => true,
            Keys::Alternate => position.is_multiple_of(2),
            Keys::Numbered => position >= 2 && position - 2 < count(args),
        }
    }
}

/// The number of keys in the second argument; 0 if it is no number, which the engine refuses.
fn count(args: &[Bytes]) -> usize {
    let text = args.get(1).and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl Operation {
    /// The number of values in the reply whose length is not known beforehand.
    pub fn values(&self) -> usize {
        match self.verb {
            Verb::Get | Verb::GetSet | Verb::GetDel | Verb::GetEx | Verb::GetRange | Verb::Dump => {
                1
            }
            Verb::Set if self.args[2..].iter().any(|it| it.eq_ignore_ascii_case(b"get")) => 1,
            Verb::MGet => self.args.len(),
            // A part of a value; or the reply of a script, of any length.
            _ => usize::from(matches!(self.verb, Verb::Lcs | Verb::Eval | Verb::EvalSha)),
        }
    }

    /// The arguments that are keys.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        let keys = self.verb.keys();
        let is_key = move |(position, _): &(usize, &Bytes)| keys.include(*position, &self.args);
        self.args.iter().enumerate().filter(is_key).map(|(_, key)| key)
    }
}
