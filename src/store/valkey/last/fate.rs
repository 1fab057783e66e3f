//! Tells from an operation's reply which keys it set to whole values, and which it removed.

use bytes::Bytes;

use crate::command::table::spec::{Fate as Rule, When};
use crate::message::Reply;
use crate::store::operation::Operation;

/// What an operation did to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The key is the most recently set one.
    Set,
    /// The key is removed.
    Gone,
}

/// Calls `tell` for each key that `operation` set or removed.
pub(crate) fn of(operation: &Operation, reply: &Reply, mut tell: impl FnMut(Fate, &Bytes)) {
    let (rule, holds) = (operation.spec().fate, |when| holds(when, &operation.args, reply));
    let keys = operation.keys();
    match rule {
        Rule::Sets(when) if holds(when) => keys.for_each(|key| tell(Fate::Set, key)),
        Rule::SetsSecond(when) if holds(when) => {
            keys.skip(1).for_each(|key| tell(Fate::Set, key));
        }
        Rule::Moves(when) if holds(when) => {
            let fates = [Fate::Gone, Fate::Set];
            keys.zip(fates).for_each(|(key, fate)| tell(fate, key));
        }
        Rule::Removes(when) if holds(when) => keys.for_each(|key| tell(Fate::Gone, key)),
        Rule::SetsToLength => {
            let fate = match reply {
                Reply::Integer(0) => Fate::Gone,
                Reply::Integer(_) => Fate::Set,
                _ => return,
            };
            keys.take(1).for_each(|key| tell(fate, key));
        }
        _ => {}
    }
}

/// Whether `reply` is one of those that `when` describes.
fn holds(when: When, args: &[Bytes], reply: &Reply) -> bool {
    match (when, reply) {
        (_, Reply::Error(_)) => false,
        (When::Always, _)
        | (When::One, Reply::Integer(1))
        | (When::Positive, Reply::Integer(1..))
        | (When::Value, Reply::Value(_)) => true,
        (When::AsSet, reply) => was_set(args.get(2..).unwrap_or_default(), reply),
        _ => false,
    }
}

/// A stand-in for the lost reply to an operation that was carried out. With it, [`of`] names each
/// key that may have been set, and no key that may still exist as removed.
pub(crate) fn likely(operation: &Operation) -> Reply {
    match operation.spec().fate {
        Rule::Sets(When::One) | Rule::SetsSecond(When::One) | Rule::SetsToLength => {
            Reply::Integer(1)
        }
        Rule::Moves(When::One) | Rule::Removes(When::Positive) => Reply::Integer(0),
        Rule::Removes(_) => Reply::Nil,
        _ => Reply::OK,
    }
}

/// Whether SET with these options stored the value.
fn was_set(options: &[Bytes], reply: &Reply) -> bool {
    let has = |word: &[u8]| options.iter().any(|option| option.eq_ignore_ascii_case(word));
    match reply {
        Reply::Status(_) => true,
        // With GET, the reply is the old value, whether or not SET stored the new one.
        Reply::Nil => has(b"GET") && !has(b"XX"),
        Reply::Value(_) => !has(b"NX"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str, args: &[&'static str], reply: &Reply) -> (Vec<String>, Vec<String>) {
        let args = args.iter().map(|arg| Bytes::from(*arg)).collect();
        let operation = Operation::named(name, args).expect("a command");
        let (mut stored, mut removed) = (Vec::new(), Vec::new());
        of(&operation, reply, |fate, key| {
            let key = String::from_utf8_lossy(key).into_owned();
            match fate {
                Fate::Set => stored.push(key),
                Fate::Gone => removed.push(key),
            }
        });
        (stored, removed)
    }

    #[test]
    fn a_set_that_stored_nothing_is_none() {
        let stored = |options: &[&'static str], reply| {
            let args = [&["k", "v"], options].concat();
            !keys("SET", &args, &reply).0.is_empty()
        };
        assert!(stored(&[], Reply::OK));
        assert!(stored(&["EX", "10"], Reply::OK));
        assert!(!stored(&["NX"], Reply::Nil));
        assert!(stored(&["GET"], Reply::Nil));
        assert!(stored(&["get"], Reply::value("old")));
        assert!(stored(&["NX", "GET"], Reply::Nil));
        assert!(!stored(&["NX", "GET"], Reply::value("old")));
        assert!(stored(&["XX", "GET"], Reply::value("old")));
        assert!(!stored(&["XX", "GET"], Reply::Nil));
        assert!(!stored(&[], Reply::failed("no")));
    }

    #[test]
    fn renaming_sets_one_key_and_removes_the_other() {
        let (stored, removed) = keys("RENAME", &["a", "b"], &Reply::OK);
        assert_eq!((stored, removed), (vec!["b".to_owned()], vec!["a".to_owned()]));
        let pairs = keys("MSET", &["a", "1", "b", "2"], &Reply::OK).0;
        assert_eq!(pairs, ["a", "b"]);
    }
}
