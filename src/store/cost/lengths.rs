//! The lengths of values, followed through the operations of a batch.

use std::collections::HashMap;

use bytes::Bytes;

use crate::command::table::spec::Lengths as Rule;
use crate::store::operation::Operation;

/// Upper bounds of the lengths of some values. Others are not followed.
#[derive(Debug)]
pub(crate) struct Lengths<'a> {
    known: HashMap<&'a [u8], usize>,
    assumed: Assumed,
}

/// What is assumed where a request does not tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assumed {
    /// The least length of the value at a script's key afterwards.
    pub(crate) script: usize,
    /// The bytes of a value for one byte of DUMP's reply.
    pub(crate) compression: usize,
}

impl<'a> Lengths<'a> {
    /// The lengths before the batch.
    pub(crate) fn new(
        known: impl Iterator<Item = (&'a Bytes, usize)>,
        assumed: Assumed,
    ) -> Lengths<'a> {
        Lengths { known: known.map(|(key, length)| (&key[..], length)).collect(), assumed }
    }

    /// The length of the value at `key`; 0 if it is not followed.
    pub(crate) fn of(&self, key: &[u8]) -> usize {
        self.known.get(key).copied().unwrap_or(0)
    }

    /// Follows one operation. What it may leave undone counts as either.
    pub(crate) fn follow(&mut self, operation: &Operation) {
        let args = &operation.args;
        let len = |at: usize| args.get(at).map_or(0, Bytes::len);
        let Some(key) = operation.keys().next() else { return };
        match operation.spec().lengths {
            Rule::Kept => {}
            Rule::Becomes(at) if args.len() == at + 1 => self.set(key, len(at)),
            Rule::Becomes(at) | Rule::MayBecome(at) => self.at_least(key, len(at)),
            Rule::PairsBecome => {
                args.chunks_exact(2).for_each(|pair| self.set(&pair[0], pair[1].len()));
            }
            Rule::PairsMayBecome => {
                args.chunks_exact(2).for_each(|pair| self.at_least(&pair[0], pair[1].len()));
            }
            Rule::MayUnpack(at) => {
                self.at_least(key, len(at).saturating_mul(self.assumed.compression));
            }
            Rule::Appends(at) => self.at_least(key, self.of(key).saturating_add(len(at))),
            Rule::Reaches(_) => self.at_least(key, operation.reach().unwrap_or(0)),
            Rule::MayHave(most) => self.at_least(key, most),
            Rule::Moves => {
                let length = self.of(key);
                operation.keys().skip(1).for_each(|key| self.at_least(key, length));
            }
            Rule::Combines => {
                let longest = operation.keys().skip(1).map(|key| self.of(key)).max();
                self.at_least(key, longest.unwrap_or(0));
            }
            Rule::Removed => operation.keys().for_each(|key| self.set(key, 0)),
            Rule::Any => operation.keys().for_each(|key| self.at_least(key, self.assumed.script)),
        }
    }

    fn set(&mut self, key: &[u8], length: usize) {
        if let Some(known) = self.known.get_mut(key) {
            *known = length;
        }
    }

    fn at_least(&mut self, key: &[u8], length: usize) {
        if let Some(known) = self.known.get_mut(key) {
            *known = length.max(*known);
        }
    }
}
