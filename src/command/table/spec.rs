//! The part of a row that the engines read: what a command does to the data of a store.

use super::places::Place;

/// What the engines know of a command. Rows without a store's part have `Spec::NONE`, perhaps
/// with places of keys.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name of the command that a server carries out, in upper case; two words for a
    /// subcommand. Several rows may have one name.
    pub name: &'static str,
    /// The same, encoded.
    pub words: Words,
    /// Which part of the work is kvsock's own.
    pub own: Own,
    /// Where the keys stand.
    pub places: &'static [Place],
    /// What it does to the data.
    pub effect: Effect,
    /// The values in its reply whose length is not known beforehand.
    pub values: Values,
    /// What it costs a store, besides its request and its reply.
    pub cost: Cost,
    /// What becomes of the lengths of values.
    pub lengths: Lengths,
    /// Which keys it sets or removes.
    pub fate: Fate,
    /// Which nodes of a cluster carry it out.
    pub route: Route,
    /// The connection to a server that it takes.
    pub lane: Lane,
    /// The form of its reply.
    pub shape: Shape,
}

/// Which part of the work is kvsock's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Nothing: the store carries out the command of this name.
    None,
    /// No arguments. `PONG` once the store answered.
    Ping,
    /// count (decimal, positive). [`crate::message::Reply::Pairs`] of the most recently set pairs,
    /// the newest last; without those that were removed or have expired.
    Last,
    /// No arguments. The number of keys under the prefix, without the side index.
    Size,
    /// `[pattern]`. The keys under the prefix that match the glob, each once, sorted by bytes,
    /// within the bound of a reply.
    Keys,
    /// cursor `[options]`. An array of the next cursor and a list of keys.
    Scan,
    /// No arguments. A key under the prefix.
    RandomKey,
    /// No arguments. `OK` when every key under the prefix is removed. Under a prefix on Valkey not
    /// atomic.
    Clear,
    /// No arguments. `OK` once all data acknowledged before is on disk.
    Save,
    /// `[SCHEDULE]`. Begins to save.
    BgSave,
    /// No arguments. When the last save ended, in Unix seconds.
    LastSave,
}

/// What a command does to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// None: the command may be sent again.
    Read,
    /// A change: the command is never sent again.
    Write,
    /// Whole values are stored. Their keys become the most recently set ones.
    Store,
}

/// The values in a reply whose length is not known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// None.
    None,
    /// The value at the key.
    Whole,
    /// A part of a value, or something made of values.
    Made,
    /// The value at each key.
    Each,
    /// The value at the key, if this word is among the options, which begin at the third argument.
    IfOption(&'static str),
}

/// The cost of a command to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Negligible.
    Small,
    /// The whole value is read, though little of it is in the reply; or all keys are.
    Reads,
    /// The whole value is copied.
    Copies,
    /// The third argument is unpacked.
    Unpacks,
    /// All values but that of the first key are read, and one as long as the longest is made.
    Combines,
    /// The value may grow up to an offset that the request names, however short the request is.
    Grows,
    /// The product of the two values' lengths.
    Product,
}

/// What becomes of the lengths of values. Arguments are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// No value gets longer.
    Kept,
    /// The value becomes this argument; if more arguments follow, it may stay.
    Becomes(usize),
    /// The value becomes this argument, or stays.
    MayBecome(usize),
    /// Each value becomes the argument after its key.
    PairsBecome,
    /// Each value becomes the argument after its key, or all stay.
    PairsMayBecome,
    /// The value becomes this argument unpacked, or stays.
    MayUnpack(usize),
    /// This argument is appended.
    Appends(usize),
    /// The value is extended up to an offset.
    Reaches(Reach),
    /// The value becomes a text of at most so many bytes.
    MayHave(usize),
    /// The second key's value becomes the first's, or stays.
    Moves,
    /// The first key's value becomes as long as the longest of the others.
    Combines,
    /// The values are removed.
    Removed,
    /// Nothing is known.
    Any,
}

/// How the arguments name an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The second argument is the offset of a bit, the third the bit.
    Bit,
    /// The second argument is the offset of the third.
    Bytes,
    /// The options are fields of bits with their offsets.
    Fields,
}

/// Which keys a command sets or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// None.
    None,
    /// All its keys are set.
    Sets(When),
    /// The second key is set.
    SetsSecond(When),
    /// The first key is removed and the second set.
    Moves(When),
    /// All its keys are removed.
    Removes(When),
    /// The first key is set, or removed if the new value has no bytes; the reply is its length.
    SetsToLength,
}

/// The replies that say so. Errors never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every reply.
    Always,
    /// The number 1.
    One,
    /// A number above 0.
    Positive,
    /// A value.
    Value,
    /// By the options of SET.
    AsSet,
}

/// Which nodes of a cluster carry a command out, and how their replies become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The node that owns the slot of all keys; without keys, any.
    Slot,
    /// The nodes of all keys, each its share.
    Split(Merge),
    /// All nodes.
    All(Merge),
}

/// How replies become one. An error takes the place of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// The values take the places of their keys.
    Places,
    /// The sum of the numbers.
    Sum,
    /// Any of the replies: they are the same.
    Same,
    /// The least of the numbers; in lists, of those at each place.
    Least,
}

/// The connection to a server that a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The one that all share.
    Shared,
    /// A pinned one: the command takes long, or its reply may end the connection.
    Pinned,
}

/// The form of a server's reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No stored key is in it.
    Plain,
    /// A cursor and a list of stored keys.
    Step,
}

/// A command's name as a server is sent it: one bulk string for each word.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    bytes: [u8; Words::MOST],
    len: usize,
    count: usize,
}

impl Words {
    const MOST: usize = 32;

    /// Encodes a name of one word or two.
    const fn encode(name: &str) -> Words {
        let (text, mut words) =
            (name.as_bytes(), Words { bytes: [0; Words::MOST], len: 0, count: 0 });
        let mut start = 0;
        while start < text.len() {
            let mut end = start;
            while end < text.len() && text[end] != b' ' {
                end += 1;
            }
            words = words.with(text, start, end);
            start = end + 1;
        }
        words
    }

    const fn with(mut self, text: &[u8], start: usize, end: usize) -> Words {
        const DIGITS: &[u8; 10] = b"0123456789";
        self = self.then(b'$');
        let len = end - start;
        assert!(len < 100, "a short word");
        if len >= 10 {
            self = self.then(DIGITS[len / 10]);
        }
        self = self.then(DIGITS[len % 10]).then(b'\r').then(b'\n');
        let mut at = start;
        while at < end {
            self = self.then(text[at]);
            at += 1;
        }
        self.count += 1;
        self.then(b'\r').then(b'\n')
    }

    const fn then(mut self, byte: u8) -> Words {
        self.bytes[self.len] = byte;
        self.len += 1;
        self
    }

    /// The encoded words.
    pub fn encoded(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The number of words.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Spec {
    /// Of a command that the store does not carry out.
    pub(super) const NONE: Spec = spec("", &[], Effect::Read);

    /// Whether the reply is the value at the one key, and nothing else happens: a cache may answer.
    pub fn is_lookup(&self) -> bool {
        matches!((self.effect, self.values), (Effect::Read, Values::Whole))
    }

    /// Whether the command changes data.
    pub fn is_write(&self) -> bool {
        !matches!(self.effect, Effect::Read)
    }

    /// Whether the command takes more than one command of a server, since it concerns more than the
    /// keys it names.
    pub fn is_compound(&self) -> bool {
        use Own::{Clear, Keys, Last, RandomKey, Save, Size};
        matches!(self.own, Last | Size | Keys | RandomKey | Clear | Save)
    }

    pub(super) const fn gives(mut self, values: Values) -> Spec {
        self.values = values;
        self
    }

    pub(super) const fn costs(mut self, cost: Cost) -> Spec {
        self.cost = cost;
        self
    }

    pub(super) const fn makes(mut self, lengths: Lengths) -> Spec {
        self.lengths = lengths;
        self
    }

    pub(super) const fn tells(mut self, fate: Fate) -> Spec {
        self.fate = fate;
        self
    }

    pub(super) const fn split(mut self, merge: Merge) -> Spec {
        self.route = Route::Split(merge);
        self
    }

    pub(super) const fn everywhere(mut self, merge: Merge) -> Spec {
        self.route = Route::All(merge);
        self
    }

    pub(super) const fn pinned(mut self) -> Spec {
        self.lane = Lane::Pinned;
        self
    }

    pub(super) const fn shaped(mut self, shape: Shape) -> Spec {
        self.shape = shape;
        self
    }
}

const fn spec(name: &'static str, places: &'static [Place], effect: Effect) -> Spec {
    Spec {
        name,
        words: Words::encode(name),
        own: Own::None,
        places,
        effect,
        values: Values::None,
        cost: Cost::Small,
        lengths: Lengths::Kept,
        fate: Fate::None,
        route: Route::Slot,
        lane: Lane::Shared,
        shape: Shape::Plain,
    }
}

/// Only reads.
pub(super) const fn reads(name: &'static str, places: &'static [Place]) -> Spec {
    spec(name, places, Effect::Read)
}

/// Changes data.
pub(super) const fn writes(name: &'static str, places: &'static [Place]) -> Spec {
    spec(name, places, Effect::Write)
}

/// Stores whole values.
pub(super) const fn sets(name: &'static str, places: &'static [Place], fate: Fate) -> Spec {
    spec(name, places, Effect::Store).tells(fate)
}

/// Is kvsock's own work, and names no keys.
pub(super) const fn own(name: &'static str, own: Own, effect: Effect) -> Spec {
    Spec { own, ..spec(name, &[], effect) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_words() {
        let words = Words::encode("OBJECT ENCODING");
        assert_eq!(words.encoded(), b"$6\r\nOBJECT\r\n$8\r\nENCODING\r\n");
        assert_eq!(words.count(), 2);
        assert_eq!(Words::encode("INCRBYFLOAT").encoded(), b"$11\r\nINCRBYFLOAT\r\n");
    }
}
