//! Keeps APPEND from making values that are longer than any may be, without asking for the length
//! before each: a server's replies tell which values are long.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use smallvec::smallvec;

use crate::command::table::of_store;
use crate::command::table::row::Command;
use crate::command::table::spec::{Lengths, Reach};
use crate::message::{ErrorReply, Reply};
use crate::store::cost::bound::growth_error;
use crate::store::operation::Operation;
use crate::store::valkey::keys::prefix::{Prefix, StoredKey};

/// Values known to be long; past that all are forgotten, and each may grow by one more request.
const MOST: usize = 4096;

const STRLEN: &Command = of_store("STRLEN");

/// Whether the value gets longer by what the request appends.
fn is_append(operation: &Operation) -> bool {
    matches!(operation.spec().lengths, Lengths::Appends(_))
}

/// The values that are longer than half of what is allowed, as far as replies have told.
#[derive(Debug)]
pub(crate) struct Growth {
    /// The longest that a value may be.
    limit: usize,
    hasher: RandomState,
    /// Hashes of their keys.
    long: Mutex<HashSet<u64>>,
    /// Whether there is one.
    any: AtomicBool,
}

impl Growth {
    /// Nothing is known; values may have `limit` bytes.
    pub(crate) fn new(limit: usize) -> Growth {
        let (hasher, long) = (RandomState::new(), Mutex::default());
        Growth { limit, hasher, long, any: AtomicBool::new(false) }
    }

    /// The longest that a value may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many bytes `batch` appends in all.
    pub(crate) fn appended(batch: &[Operation]) -> usize {
        let appends = batch.iter().filter(|operation| is_append(operation));
        appends.filter_map(|operation| operation.args.get(1)).map(bytes::Bytes::len).sum()
    }

    /// Whether the length has to be asked for before the operation is sent, which comes with others
    /// that append `appended` bytes in all.
    #[inline]
    pub(crate) fn must_measure(
        &self,
        prefix: &Prefix,
        operation: &Operation,
        appended: usize,
    ) -> bool {
        is_append(operation) && (appended > self.limit / 2 || self.is_long(prefix, operation))
    }

    /// Whether the length has to be asked for before a transaction that the operation is a part of.
    pub(crate) fn must_measure_within(&self, prefix: &Prefix, operation: &Operation) -> bool {
        let appended = Growth::appended(std::slice::from_ref(operation));
        self.must_measure(prefix, operation, appended)
    }

    /// The operation that asks for the length.
    pub(crate) fn question(operation: &Operation) -> Operation {
        Operation { command: STRLEN, args: smallvec![operation.args[0].clone()] }
    }

    /// The error for an APPEND to a value of which a server told the length.
    pub(crate) fn refusal(
        &self,
        operation: &Operation,
        length: Option<&Reply>,
    ) -> Option<ErrorReply> {
        // What is no text, or cannot be asked for, the server refuses.
        let Some(Reply::Integer(length)) = length else { return None };
        let length = usize::try_from(*length).unwrap_or(0);
        growth_error(length.saturating_add(operation.args[1].len()), self.limit)
    }

    /// Learns from the replies to `batch`.
    pub(crate) fn learn(&self, prefix: &Prefix, batch: &[Operation], replies: &[Reply]) {
        for (operation, reply) in batch.iter().zip(replies) {
            let rule = operation.spec().lengths;
            if let (Lengths::Appends(_) | Lengths::Reaches(Reach::Bytes), Reply::Integer(length)) =
                (rule, reply)
            {
                let is_long = usize::try_from(*length).is_ok_and(|len| len > self.limit / 2);
                if is_long || self.any.load(Ordering::Relaxed) {
                    self.note(self.hash(prefix, operation), is_long);
                }
            }
        }
    }

    fn is_long(&self, prefix: &Prefix, operation: &Operation) -> bool {
        self.any.load(Ordering::Relaxed) && self.long().contains(&self.hash(prefix, operation))
    }

    fn note(&self, hash: u64, is_long: bool) {
        let mut long = self.long();
        if !is_long {
            long.remove(&hash);
        } else if !long.contains(&hash) {
            if long.len() >= MOST {
                long.clear();
            }
            long.insert(hash);
        }
        self.any.store(!long.is_empty(), Ordering::Relaxed);
    }

    fn hash(&self, prefix: &Prefix, operation: &Operation) -> u64 {
        let mut stored = StoredKey::new();
        self.hasher.hash_one(prefix.stored_in(&operation.args[0], &mut stored))
    }

    fn long(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn append(key: &'static str, value: &'static str) -> Operation {
        let args = smallvec![Bytes::from(key), Bytes::from(value)];
        Operation::named("APPEND", args).expect("a command")
    }

    #[test]
    fn only_long_values_are_asked_for() {
        let (growth, prefix) = (Growth::new(10), Prefix::none());
        let is_asked = |operation: &Operation| {
            growth.must_measure(
                &prefix,
                operation,
                Growth::appended(std::slice::from_ref(operation)),
            )
        };
        assert!(!is_asked(&append("k", "12345")));
        assert!(is_asked(&append("k", "123456")));
        let tell = |key, length| {
            growth.learn(&prefix, &[append(key, "1")], &[Reply::Integer(length)]);
        };
        tell("k", 6);
        tell("other", 5);
        assert!(is_asked(&append("k", "1")));
        assert!(!is_asked(&append("other", "1")));
        assert_eq!(growth.refusal(&append("k", "1234"), Some(&Reply::Integer(6))), None);
        assert!(growth.refusal(&append("k", "12345"), Some(&Reply::Integer(6))).is_some());
        tell("k", 1);
        assert!(!is_asked(&append("k", "1")));
    }

    #[test]
    fn what_is_known_is_bounded() {
        let growth = Growth::new(10);
        (0..10 * MOST as u64).for_each(|hash| growth.note(hash, true));
        assert!(growth.long().len() <= MOST);
    }
}
