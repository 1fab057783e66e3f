//! Random words: keys from a set so small that commands meet each other's, values and numbers in
//! all their spellings. All that is random follows from the seed.
//!
//! Two bounds keep the replies independent of the clock: a time to live is either in the past or
//! so long that nothing expires during a run, and relative times are drawn from wide ranges, so
//! that no comparison (`EXPIRE k 5000 GT`) hangs on a millisecond; absolute ones may well be equal.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::vocabulary::{BYTES, FLOATS, KEYS, NUMBERS, ODD, PATTERNS, SHORT};

/// A command: its name and its arguments.
pub(crate) type Words = Vec<Vec<u8>>;

/// Where all randomness comes from.
#[derive(Debug)]
pub(crate) struct Source(StdRng);

impl Source {
    pub(crate) fn new(seed: u64) -> Source {
        Source(StdRng::seed_from_u64(seed))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.0.random_ratio(percent, 100)
    }

    /// One of them.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// The word that the placeholder `<name>` stands for.
    pub(crate) fn word(&mut self, name: &str) -> Vec<u8> {
        match name {
            "key" => self.key(),
            "any" => self.any_key(),
            "num" => self.one(NUMBERS).to_vec(),
            "short" => self.one(SHORT).to_vec(),
            "value" => self.value(),
            "text" => self.text(),
            "int" => self.integer(),
            "float" => self.float(),
            "odd" => self.odd(),
            "bytes" => self.bytes(),
            "pattern" => self.pattern(),
            "seconds" => self.number(10_000..10_000_000, 25),
            "ms" => self.number(10_000_000..10_000_000_000, 25),
            "at" => self.moment(1),
            "pat" => self.moment(1000),
            "index" => self.number(-40..40, 10),
            "offset" => self.offset(),
            "bit" => self.number(0..3000, 15),
            "anybit" => self.number(0..(1 << 32), 30),
            "count" => self.number(1..50, 20),
            "name" => self.unknown_name(),
            "payload" => self.payload(),
            _ => panic!("no placeholder <{name}>"),
        }
    }

    /// A key for values of any length.
    fn key(&mut self) -> Vec<u8> {
        if self.percent(20) { self.one(NUMBERS).to_vec() } else { self.one(KEYS).to_vec() }
    }

    fn any_key(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => self.one(SHORT).to_vec(),
            1 => b"never set".to_vec(),
            _ => self.key(),
        }
    }

    fn odd(&mut self) -> Vec<u8> {
        self.one(ODD).to_vec()
    }

    fn number(&mut self, range: std::ops::Range<i64>, odd_percent: u32) -> Vec<u8> {
        if self.percent(odd_percent) { self.odd() } else { self.decimal(range) }
    }

    fn decimal(&mut self, range: std::ops::Range<i64>) -> Vec<u8> {
        self.0.random_range(range).to_string().into_bytes()
    }

    fn integer(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => self.decimal(i64::MAX - 3..i64::MAX),
            1 => self.decimal(i64::MIN..i64::MIN + 3),
            2 => self.0.random::<i64>().to_string().into_bytes(),
            3 => self.odd(),
            _ => self.decimal(-20..100),
        }
    }

    fn float(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.decimal(-1000..1000),
            1 => {
                let places = self.below(18);
                let digits = self.0.random_range(-1e6..1e6);
                format!("{digits:.places$}").into_bytes()
            }
            2 => {
                let digits: f64 = self.0.random_range(-10.0..10.0);
                let exponent = self.0.random_range(-25..25);
                format!("{digits}e{exponent}").into_bytes()
            }
            _ => self.one(FLOATS).to_vec(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..6 => self.integer(),
            6..9 => self.float(),
            9 => Vec::new(),
            10..12 => self.bytes(),
            // Around the lengths where Valkey changes how it keeps a string.
            12 => self.letters(40..50),
            13 => self.letters(200..5000),
            _ => self.text(),
        }
    }

    /// A short text of few letters, so that texts have much in common.
    fn text(&mut self) -> Vec<u8> {
        self.letters(0..30)
    }

    fn letters(&mut self, length: std::ops::Range<usize>) -> Vec<u8> {
        let length = self.0.random_range(length);
        (0..length).map(|_| self.one(b"abcdeo ")).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        if self.percent(70) {
            return self.one(BYTES).to_vec();
        }
        (0..self.below(20)).map(|_| self.0.random()).collect()
    }

    fn pattern(&mut self) -> Vec<u8> {
        if self.percent(60) {
            return self.one(PATTERNS).to_vec();
        }
        (0..self.below(7)).map(|_| self.one(b"**?[]^-\\ahlon1")).collect()
    }

    /// An absolute time in the far future, or long past, in units of a `scale`th of a second.
    fn moment(&mut self, scale: i64) -> Vec<u8> {
        match self.below(10) {
            0 => self.odd(),
            1 => self.decimal(1..100),
            // Few, so that GT and LT meet equal times.
            2..5 => (99_999_999_990 * scale + self.0.random_range(0..3)).to_string().into_bytes(),
            _ => self.decimal(99_000_000_000 * scale..99_900_000_000 * scale),
        }
    }

    fn offset(&mut self) -> Vec<u8> {
        match self.below(20) {
            0 => self.odd(),
            1 => b"536870912".to_vec(),
            2 => self.decimal(0..10_000),
            _ => self.decimal(0..40),
        }
    }

    /// No command of anybody's; Valkey shows such names cut, and without line ends.
    fn unknown_name(&mut self) -> Vec<u8> {
        let mut name =
            self.one(&[&b"FOO"[..], b"get|x", b"unknown", b"a b", b"f\noo", b"f\x00oo"]).to_vec();
        match self.below(4) {
            0 => name.extend(self.letters(100..300)),
            1 => name.extend(self.bytes()),
            _ => {}
        }
        name
    }

    /// Mostly what DUMP gives on Valkey 8 for the value 1.
    fn payload(&mut self) -> Vec<u8> {
        match self.below(3) {
            0 => self.bytes(),
            _ => b"\x00\xc0\x01\x0b\x00O\xa7Z\xc5,\x9e\xf8u".to_vec(),
        }
    }
}
