//! Keeps the order of operations on one key when some are still open after a round.

use std::borrow::Cow;

use super::part::Part;
use crate::store::valkey::keys::reply;

/// The fate of a part in a round.
pub(crate) enum Fate {
    /// The part has its reply.
    Done,
    /// The connection was lost, and the node may have executed the part.
    Unknown,
    /// The part was not executed, or it is a read. The text is the cause.
    Open(Cow<'static, str>),
}

/// Fails the open parts that a later part has overtaken. If there is no more time, fails all open
/// parts except those that were just redirected. `fates` are in the batch's order.
pub(crate) fn keep(parts: &mut [Part<'_>], fates: Vec<(usize, Fate)>, may_wait: bool) {
    let mut later: Vec<usize> = Vec::new();
    for (number, fate) in fates.into_iter().rev() {
        let Fate::Open(cause) = fate else {
            later.push(number);
            continue;
        };
        let part = &parts[number];
        let is_overtaken = later.iter().any(|it| part.conflicts_with(&parts[*it]));
        if is_overtaken || !(may_wait || part.is_on_its_way()) {
            parts[number].reply = Some(reply::unavailable(cause));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::operation::Operation;
    use crate::store::valkey::cluster::route::part;
    use crate::store::valkey::keys::prefix::Prefix;

    fn batch(operations: &[(&str, &'static str)]) -> Vec<Operation> {
        let operation = |(name, keys): &(&str, &'static str)| {
            let args = keys.split(' ').map(Bytes::from).collect();
            Operation::named(name, args).expect("a command")
        };
        operations.iter().map(operation).collect()
    }

    /// Which of the parts fail, of which those named are open and the others done.
    fn failed(operations: &[(&str, &'static str)], open: &[usize], may_wait: bool) -> Vec<usize> {
        let batch = batch(operations);
        let mut parts = part::of(&Prefix::none(), &batch, |_| None);
        let fate = |number: usize| {
            if open.contains(&number) { Fate::Open("MOVED".into()) } else { Fate::Done }
        };
        let fates = (0..parts.len()).map(|number| (number, fate(number))).collect();
        keep(&mut parts, fates, may_wait);
        let is_failed = |(number, part): (usize, &Part<'_>)| part.reply.is_some().then_some(number);
        parts.iter().enumerate().filter_map(is_failed).collect()
    }

    #[test]
    fn what_was_overtaken_on_its_key_fails() {
        let (incr, get) = ("INCR", "GET");
        assert_eq!(failed(&[(incr, "a"), (incr, "a")], &[0], true), [0]);
        assert_eq!(failed(&[(incr, "a"), (get, "a")], &[0], true), [0]);
        assert_eq!(failed(&[(get, "a"), (incr, "a")], &[0], true), [0]);
        assert_eq!(failed(&[(incr, "a"), (incr, "a"), (get, "b")], &[0, 1], true), [0; 0]);
        assert_eq!(failed(&[(incr, "a"), (incr, "a"), (incr, "a")], &[1], true), [1]);
        assert_eq!(failed(&[(incr, "{t}a"), ("DEL", "{t}b {t}a")], &[0], true), [0]);
    }

    #[test]
    fn what_has_nothing_to_do_with_what_came_later_stays_open() {
        let (incr, get) = ("INCR", "GET");
        assert_eq!(failed(&[(incr, "{t}a"), (incr, "{t}b")], &[0], true), [0; 0]);
        assert_eq!(failed(&[(get, "a"), (get, "a")], &[0], true), [0; 0], "both only read");
        assert_eq!(failed(&[(incr, "a"), (incr, "a")], &[1], true), [0; 0]);
        assert_eq!(failed(&[(incr, "a"), (incr, "b")], &[0, 1], false), [0, 1], "no more time");
    }

    #[test]
    fn what_may_be_turned_away_alone_is_waited_for() {
        let batch = batch(&[("DEL", "{t}a {t}b"), ("INCR", "{t}a"), ("INCR", "{t}c")]);
        let parts = part::of(&Prefix::none(), &batch, |_| None);
        assert!(parts[1].must_wait_for(&parts[0]));
        assert!(!parts[2].must_wait_for(&parts[0]) && !parts[2].must_wait_for(&parts[1]));
    }
}
