//! Tells from an operation's reply which keys it set to whole values, and which it removed.

use bytes::Bytes;

use crate::message::Reply;
use crate::store::operation::{Operation, Verb};

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
    let args = &operation.args;
    match (operation.verb, reply) {
        (_, Reply::Error(_)) => {}
        (Verb::Set, reply) if was_set(&args[2..], reply) => tell(Fate::Set, &args[0]),
        (Verb::SetEx | Verb::PSetEx | Verb::Restore | Verb::GetSet, _)
        | (Verb::SetNx, Reply::Integer(1)) => tell(Fate::Set, &args[0]),
        (Verb::MSet, _) | (Verb::MSetNx, Reply::Integer(1)) => {
            operation.keys().for_each(|key| tell(Fate::Set, key));
        }
        (Verb::Copy, Reply::Integer(1)) => tell(Fate::Set, &args[1]),
        (Verb::Rename, _) | (Verb::RenameNx, Reply::Integer(1)) => {
            tell(Fate::Gone, &args[0]);
            tell(Fate::Set, &args[1]);
        }
        (Verb::Del | Verb::Unlink, Reply::Integer(1..)) | (Verb::GetDel, Reply::Value(_)) => {
            operation.keys().for_each(|key| tell(Fate::Gone, key));
        }
        _ => {}
    }
}

/// A stand-in for the lost reply to an operation that was carried out. With it, [`of`] names each
/// key that may have been set, and no key that may still exist as removed.
pub(crate) fn likely(operation: &Operation) -> Reply {
    match operation.verb {
        Verb::SetNx | Verb::MSetNx | Verb::Copy => Reply::Integer(1),
        Verb::RenameNx | Verb::Del | Verb::Unlink => Reply::Integer(0),
        Verb::GetDel => Reply::Nil,
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

    fn keys(verb: Verb, args: &[&'static str], reply: &Reply) -> (Vec<String>, Vec<String>) {
        let args = args.iter().map(|arg| Bytes::from(*arg)).collect();
        let operation = Operation { verb, args };
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
            !keys(Verb::Set, &args, &reply).0.is_empty()
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
        let (stored, removed) = keys(Verb::Rename, &["a", "b"], &Reply::OK);
        assert_eq!((stored, removed), (vec!["b".to_owned()], vec!["a".to_owned()]));
        let pairs = keys(Verb::MSet, &["a", "1", "b", "2"], &Reply::OK).0;
        assert_eq!(pairs, ["a", "b"]);
    }
}
