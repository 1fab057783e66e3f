//! What an engine can be asked to do: the verbs, and what the engines must know of each.

use bytes::Bytes;

use crate::message::Args;

/// The name, after the prefix, under which the Valkey engine keeps the index of `last`.
pub(super) const LAST_INDEX: &[u8] = b"\0kvsock:last";

/// Whether a client's key is kvsock's own side index, which no command takes as a key.
pub(super) fn is_reserved(key: &[u8]) -> bool {
    key.ends_with(LAST_INDEX)
}

/// One operation on the store. Keys are the client's, without the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What to do.
    pub verb: Verb,
    /// Arguments in the order that the Valkey command of that name takes them. Their number was
    /// checked; what they say was not.
    pub args: Args,
}

/// What an engine can do. Arguments, replies and error texts are those of the Valkey command
/// named by [`Verb::name`], unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// No arguments. `PONG` once the store answered.
    Ping,
    /// key
    Get,
    /// key value
    Set,
    /// key seconds value
    SetEx,
    /// key...
    Del,
    /// key...
    Exists,
    /// key
    Incr,
    /// key
    Decr,
    /// key seconds
    Expire,
    /// key
    Ttl,
    /// key
    Persist,
    /// count (decimal, positive). [`crate::message::Reply::Pairs`] of the most recently set
    /// pairs, the newest last; without those that were removed or have expired.
    Last,
    /// No arguments. The number of keys under the prefix, without the side index.
    Size,
    /// `[pattern]`. The keys under the prefix that match the glob, each once, sorted by bytes,
    /// within [`super::Options::max_reply`].
    Keys,
    /// No arguments. `OK` when every key under the prefix is gone. Under a prefix on Valkey not
    /// atomic.
    Clear,
    /// No arguments. `OK` once all data acknowledged before is on disk.
    Save,
}

/// Which arguments are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// None.
    None,
    /// The first.
    First,
    /// All.
    All,
}

/// What an operation does to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it may be sent again.
    Read,
    /// Changes it: it is never sent again.
    Write,
    /// Stores a whole value at the first key, which thereby becomes the most recently set.
    Store,
}

impl Verb {
    /// The Valkey command of the same meaning, or the name of the compound operation.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Ping => "PING",
            Verb::Get => "GET",
            Verb::Set => "SET",
            Verb::SetEx => "SETEX",
            Verb::Del => "DEL",
            Verb::Exists => "EXISTS",
            Verb::Incr => "INCR",
            Verb::Decr => "DECR",
            Verb::Expire => "EXPIRE",
            Verb::Ttl => "TTL",
            Verb::Persist => "PERSIST",
            Verb::Last => "LAST",
            Verb::Size => "DBSIZE",
            Verb::Keys => "KEYS",
            Verb::Clear => "FLUSHDB",
            Verb::Save => "SAVE",
        }
    }

    /// Which arguments are keys.
    pub fn keys(self) -> Keys {
        match self {
            Verb::Ping | Verb::Last | Verb::Size | Verb::Keys | Verb::Clear | Verb::Save => {
                Keys::None
            }
            Verb::Del | Verb::Exists => Keys::All,
            _ => Keys::First,
        }
    }

    /// What it does to the data.
    pub fn effect(self) -> Effect {
        match self {
            Verb::Set | Verb::SetEx => Effect::Store,
            Verb::Del | Verb::Incr | Verb::Decr | Verb::Expire | Verb::Persist | Verb::Clear => {
                Effect::Write
            }
            _ => Effect::Read,
        }
    }
}

impl Operation {
    /// The arguments that are keys.
    pub fn keys(&self) -> &[Bytes] {
        match self.verb.keys() {
            Keys::None => &[],
            Keys::First => self.args.get(..1).unwrap_or_default(),
            Keys::All => &self.args,
        }
    }
}
