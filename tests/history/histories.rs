//! The checker against histories whose verdict is known: by hand, and by trying every order.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::checker::{Call, check};
use crate::model::{Answer, Held, Request, Span, State};

fn call(client: usize, request: Request, begin: u64, end: u64, answer: Answer) -> Call {
    Call { client, request, begin, end: Some((end, answer)) }
}

fn unknown(client: usize, request: Request, begin: u64) -> Call {
    Call { client, request, begin, end: None }
}

fn set(value: &str) -> Request {
    Request::Set(value.into())
}

fn append(value: &str) -> Request {
    Request::Append(value.into())
}

fn value(value: &str) -> Answer {
    Answer::Value(value.into())
}

/// A get by a client of its own.
fn got(begin: u64, end: u64, found: &str) -> Call {
    let answer = if found.is_empty() { Answer::Nil } else { value(found) };
    call(9, Request::Get, begin, end, answer)
}

#[track_caller]
fn good(history: &[Call]) {
    let verdict = check(history, 0);
    assert!(verdict.is_ok(), "{verdict:?}");
}

/// The call that cannot be.
#[track_caller]
fn bad(history: &[Call], expected: usize) {
    let violation = check(history, 0).expect_err("not linearizable");
    assert_eq!(violation.call, expected, "{violation:?}");
}

#[test]
fn one_after_the_other_is_linearizable() {
    good(&[
        got(1, 2, ""),
        call(0, set("a"), 3, 4, Answer::Ok),
        got(5, 6, "a"),
        call(0, append("b"), 7, 8, Answer::Number(2)),
        call(1, Request::GetDel, 9, 10, value("ab")),
        call(0, Request::SetNx("c".into()), 11, 12, Answer::Number(1)),
        call(1, Request::Incr, 13, 14, Answer::NoNumber),
        got(15, 16, "c"),
    ]);
}

#[test]
fn what_is_under_way_may_be_seen_or_not() {
    good(&[call(0, set("a"), 1, 10, Answer::Ok), got(2, 3, ""), got(4, 5, "a")]);
}

#[test]
fn a_stale_read_is_found() {
    let first = call(0, set("a"), 1, 2, Answer::Ok);
    let second = call(0, set("b"), 3, 4, Answer::Ok);
    bad(&[first.clone(), second.clone(), got(5, 6, "a")], 2);
    // Seen, and then not any more.
    let under_way = call(0, set("b"), 3, 10, Answer::Ok);
    bad(&[first, under_way, got(4, 5, "b"), got(6, 7, "a")], 3);
}

#[test]
fn a_lost_write_is_found() {
    bad(&[call(0, set("a"), 1, 2, Answer::Ok), got(3, 4, "")], 1);
    let one = call(0, Request::Incr, 1, 2, Answer::Number(1));
    bad(&[one.clone(), call(0, Request::Incr, 3, 4, Answer::Number(1))], 1);
    bad(&[one, got(3, 4, "")], 1);
}

#[test]
fn a_write_that_was_applied_twice_is_found() {
    bad(&[call(0, Request::Incr, 1, 2, Answer::Number(1)), got(3, 4, "2")], 1);
    bad(&[call(0, append("x"), 1, 2, Answer::Number(1)), got(3, 4, "xx")], 1);
    // The set is there again after another one.
    let (first, second) =
        (call(0, set("a"), 1, 2, Answer::Ok), call(1, set("b"), 3, 4, Answer::Ok));
    bad(&[first, second, got(5, 6, "b"), got(7, 8, "a")], 3);
}

#[test]
fn an_unknown_outcome_allows_both_and_one_of_them_only() {
    let (before, lost) = (call(0, set("a"), 1, 2, Answer::Ok), unknown(1, set("b"), 3));
    good(&[before.clone(), lost.clone(), got(5, 6, "a")]);
    good(&[before.clone(), lost.clone(), got(5, 6, "b")]);
    good(&[before.clone(), lost.clone(), got(5, 6, "a"), got(700, 701, "b")]);
    bad(&[before.clone(), lost, got(5, 6, "b"), got(7, 8, "a")], 3);
    // Not before it began.
    bad(&[before, unknown(1, set("b"), 5), got(3, 4, "b")], 2);
}

#[test]
fn an_unknown_write_is_applied_once_at_most() {
    let lost = unknown(0, append("x"), 1);
    good(&[lost.clone(), got(2, 3, "x")]);
    bad(&[lost.clone(), got(2, 3, "xx")], 1);
    good(&[lost.clone(), unknown(1, append("x"), 2), got(3, 4, "xx")]);
    let counted = [lost_incr(1), lost_incr(2), lost_incr(3)];
    good(&[&counted[..], &[got(5, 6, "3")]].concat());
    bad(&[&counted[..], &[got(5, 6, "4")]].concat(), 3);
}

fn lost_incr(begin: u64) -> Call {
    unknown(1, Request::Incr, begin)
}

#[test]
fn many_unknown_outcomes_are_no_hindrance() {
    let mut history = Vec::new();
    for n in 0..40 {
        history.push(unknown(1, set(&format!("lost{n}")), 10 * n + 1));
        history.push(unknown(2, Request::Incr, 10 * n + 2));
        history.push(unknown(3, Request::Remove, 10 * n + 3));
        history.push(call(0, set(&n.to_string()), 10 * n + 4, 10 * n + 5, Answer::Ok));
        history.push(got(10 * n + 6, 10 * n + 7, &n.to_string()));
    }
    let last = history.len();
    history.push(got(1000, 1001, "lost3"));
    good(&history);
    history[last] = got(1000, 1001, "lost40");
    bad(&history, last);
}

#[test]
fn a_transaction_is_one() {
    let both = Request::Transaction(vec![append("x"), Request::Get]);
    let answers = |end: &str| Answer::All(vec![Answer::Number(2), value(end)]);
    let other = call(1, append("y"), 1, 9, Answer::Number(1));
    good(&[other.clone(), call(0, both.clone(), 2, 8, answers("yx"))]);
    bad(&[other, call(0, both, 2, 8, answers("xy"))], 1);
}

#[test]
fn an_exchange_needs_what_it_saw() {
    let exchange = |seen: &str| Request::Exchange { seen: Some(seen.into()), value: "new".into() };
    let before = call(0, set("a"), 1, 2, Answer::Ok);
    good(&[before.clone(), call(1, exchange("a"), 3, 4, Answer::Ok), got(5, 6, "new")]);
    bad(&[before.clone(), call(1, exchange("b"), 3, 4, Answer::Ok)], 1);
    good(&[before.clone(), unknown(1, exchange("b"), 3), got(5, 6, "a")]);
    bad(&[before, unknown(1, exchange("b"), 3), got(5, 6, "new")], 2);
}

/// In milliseconds, after the beginning of the run.
const MS: u64 = 1_000_000;

fn set_for(value: &str, millis: u64) -> Request {
    Request::SetFor { value: value.into(), millis }
}

#[test]
fn a_value_goes_when_it_has_to_and_neither_before_nor_after() {
    let set = call(0, set_for("a", 100), MS, 2 * MS, Answer::Ok);
    let get = |begin: u64, found: &str| got(begin * MS, (begin + 1) * MS, found);
    good(&[set.clone(), get(3, "a"), get(95, "a"), get(125, ""), get(500, "")]);
    bad(&[set.clone(), get(70, "")], 1);
    bad(&[set.clone(), get(130, "a")], 1);
    // Near that moment either may be, and never again what was gone.
    good(&[set.clone(), get(99, "a"), get(102, "")]);
    bad(&[set.clone(), get(99, ""), get(102, "a")], 2);
    // A call that takes long finds what was there at any moment of it.
    good(&[set.clone(), got(50 * MS, 900 * MS, "")]);
    good(&[set, got(50 * MS, 900 * MS, "a")]);
}

#[test]
fn an_expiry_is_set_kept_and_taken_away_as_by_valkey() {
    let get = |begin: u64, found: &str| got(begin * MS, (begin + 1) * MS, found);
    let at = |begin: u64, request: Request, answer: Answer| {
        call(0, request, begin * MS, (begin + 1) * MS, answer)
    };
    let set = at(1, set("a"), Answer::Ok);
    let expire = at(3, Request::Expire(100), Answer::Number(1));
    good(&[set.clone(), expire.clone(), get(50, "a"), get(200, "")]);
    bad(&[set.clone(), expire.clone(), get(200, "a")], 2);
    // It outlives an APPEND, and neither a SET nor a PERSIST lets it.
    let append = at(5, append("b"), Answer::Number(2));
    bad(&[set.clone(), expire.clone(), append, get(200, "ab")], 3);
    let again = at(5, Request::GetSet("b".into()), value("a"));
    bad(&[set.clone(), expire.clone(), again, get(200, "")], 3);
    let persist = at(5, Request::Persist, Answer::Number(1));
    good(&[set.clone(), expire, persist.clone(), get(200, "a")]);
    bad(&[set, persist], 1);
    good(&[at(1, Request::Expire(5), Answer::Number(0))]);
    // Of unknown outcome, and perhaps much later.
    good(&[unknown(0, set_for("a", 100), MS), get(900, "a"), get(1500, "")]);
    bad(&[unknown(0, set_for("a", 100), MS), get(50, "a"), get(70, "")], 2);
}

/// Where nothing expires, the moment does not matter.
const NEVER: Span = Span { earliest: 0, latest: 0 };

/// Tries every order, and every choice of the unknown calls that took place.
fn some_order_fits(calls: &[Call], done: &mut Vec<usize>, state: &State) -> bool {
    let left = || (0..calls.len()).filter(|index| !done.contains(index));
    if left().all(|index| calls[index].end.is_none()) {
        return true;
    }
    let candidates: Vec<usize> = left().collect();
    for &index in &candidates {
        let call = &calls[index];
        let ended_before =
            |other: &usize| calls[*other].end.as_ref().is_some_and(|(end, _)| *end < call.begin);
        if candidates.iter().any(ended_before) {
            continue;
        }
        let (answer, next) = call.request.carry_out(state, NEVER);
        if call.end.as_ref().is_some_and(|(_, given)| answer != *given) {
            continue;
        }
        done.push(index);
        let fits = some_order_fits(calls, done, &next);
        done.pop();
        if fits {
            return true;
        }
    }
    false
}

fn random_history(rng: &mut StdRng) -> Vec<Call> {
    let length = rng.random_range(1..=7);
    let calls = (0..length).map(|client| {
        let begin = rng.random_range(0..12);
        let request = match rng.random_range(0..8) {
            0..3 => Request::Get,
            3 => set(["1", "2"][rng.random_range(0..2)]),
            4 => append(["1", "2"][rng.random_range(0..2)]),
            5 => Request::Incr,
            6 => Request::GetDel,
            _ => Request::SetNx("1".into()),
        };
        let states = [None, Some("1"), Some("2"), Some("11"), Some("12"), Some("3")];
        let held = |value: &str| Held { value: value.into(), expiry: None };
        let state = states[rng.random_range(0..states.len())].map(held);
        let (answer, _) = request.carry_out(&state, NEVER);
        let is_unknown = !request.is_read() && rng.random_range(0..3) == 0;
        let end = (!is_unknown).then(|| (begin + rng.random_range(1..8), answer));
        Call { client, request, begin, end }
    });
    calls.collect()
}

#[test]
fn the_verdict_is_that_of_trying_every_order() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut verdicts = [0, 0];
    for _ in 0..20_000 {
        let history = random_history(&mut rng);
        let expected = some_order_fits(&history, &mut Vec::new(), &None);
        assert_eq!(check(&history, 0).is_ok(), expected, "{history:#?}");
        verdicts[usize::from(expected)] += 1;
    }
    assert!(verdicts.iter().all(|count| *count > 1000), "{verdicts:?}");
}
