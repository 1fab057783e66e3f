//! What an operation did, by its reply: which keys it stored whole values at, and which it removed.

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use crate::message::Reply;
use crate::store::operation::{Operation, Verb};

/// Some of an operation's keys.
pub(super) type Changed<'a> = SmallVec<[&'a Bytes; 2]>;

/// The keys that became the most recently set, and those that are no more.
pub(super) fn of<'a>(operation: &'a Operation, reply: &Reply) -> (Changed<'a>, Changed<'a>) {
    let args = &operation.args;
    let none = SmallVec::new;
    match (operation.verb, reply) {
        (_, Reply::Error(_)) => (none(), none()),
        (Verb::Set, reply) if was_set(&args[2..], reply) => (smallvec![&args[0]], none()),
        (Verb::SetEx | Verb::PSetEx | Verb::Restore | Verb::GetSet, _)
        | (Verb::SetNx, Reply::Integer(1)) => (smallvec![&args[0]], none()),
        (Verb::MSet, _) | (Verb::MSetNx, Reply::Integer(1)) => (operation.keys().collect(), none()),
        (Verb::Copy, Reply::Integer(1)) => (smallvec![&args[1]], none()),
        (Verb::Rename, _) | (Verb::RenameNx, Reply::Integer(1)) => {
            (smallvec![&args[1]], smallvec![&args[0]])
        }
        (Verb::Del | Verb::Unlink, Reply::Integer(1..)) | (Verb::GetDel, Reply::Value(_)) => {
            (none(), operation.keys().collect())
        }
        _ => (none(), none()),
    }
}

/// Whether SET with these options stored the value.
fn was_set(options: &[Bytes], reply: &Reply) -> bool {
    let has = |word: &[u8]| options.iter().any(|option| option.eq_ignore_ascii_case(word));
    match reply {
        Reply::Status(_) => true,
        // The old value is no word on whether there is a new one.
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
        let (stored, removed) = of(&operation, reply);
        let text = |key: &&Bytes| String::from_utf8_lossy(key).into_owned();
        (stored.iter().map(text).collect(), removed.iter().map(text).collect())
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
