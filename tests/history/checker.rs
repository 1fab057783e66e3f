//! Whether the recorded calls on one key are linearizable: whether each can be given one moment
//! between its begin and its end so that all of them, one after the other, answer what they did
//! answer.
//!
//! A call without an end is of unknown outcome, perhaps forever under way: it took place at any
//! moment since its begin, or not at all.
//!
//! The algorithm is the just-in-time linearization of Lowe ("Testing for linearizability", 2017),
//! itself after Wing and Gong (1993): events are taken in the order of time, with the set of all
//! configurations that the calls so far allow; a call has its moment at the latest when it ends.
//! A value that expires goes by itself within the span in which, by the clocks, it has to: a call
//! can find it as long as the call began before the end of that span, and can miss it from the
//! moment on at which the span began. So an expiry that is too early or too late by less than it
//! took to ask for it is not found out.
//!
//! Two rules keep the set small where many outcomes are unknown. A configuration that differs from
//! another only in that more calls of unknown outcome took place allows nothing that the other
//! does not allow. And of several such calls that ask the same, the one that began first takes
//! place first.

use std::collections::{HashMap, VecDeque};

use crate::model::{Answer, Request, Span, State};

/// A call on a key.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    #[expect(dead_code, reason = "a report shows it")]
    pub(crate) client: usize,
    pub(crate) request: Request,
    /// In nanoseconds of a clock that all clients share, as the end.
    pub(crate) begin: u64,
    /// When it was answered, and what; `None` is an unknown outcome.
    pub(crate) end: Option<(u64, Answer)>,
}

impl Call {
    /// When it took place, if it did.
    fn moment(&self) -> Span {
        let latest = self.end.as_ref().map_or(u64::MAX, |(end, _)| *end);
        Span { earliest: self.begin, latest }
    }

    /// What it can have found by `now` at a key in `state`: that, or nothing any more.
    fn found(&self, state: State, now: u64, lateness: u64) -> impl Iterator<Item = State> {
        let expiry = state.as_ref().and_then(|held| held.expiry);
        let is_there = expiry.is_none_or(|it| self.begin <= it.latest.saturating_add(lateness));
        let may_be_gone = expiry.is_some_and(|expiry| expiry.earliest <= now);
        let gone = may_be_gone.then_some(None);
        is_there.then_some(state).into_iter().chain(gone)
    }
}

/// Where a history stops to be linearizable.
#[derive(Debug)]
pub(crate) struct Violation {
    /// Position of the call whose answer cannot be.
    pub(crate) call: usize,
    /// What the key may have been when the call ended, as far as the other calls tell.
    pub(crate) states: Vec<State>,
}

/// Calls under way or of unknown outcome at one moment, each by its bit.
type Calls = u128;

/// Configurations, more of which are a sign of a history that should have been cut into more keys.
const MOST: usize = 500_000;

/// What may have happened so far: the state, and which calls that have not ended had their moment.
/// Those of unknown outcome are kept apart, as the smallest sets only.
#[derive(Debug, Default)]
struct Configurations {
    by_state: HashMap<(State, Calls), Vec<Calls>>,
    count: usize,
}

impl Configurations {
    /// Adds one, unless it allows nothing new.
    fn add(&mut self, state: State, done: Calls, unknown: Calls) -> bool {
        let sets = self.by_state.entry((state, done & !unknown)).or_default();
        let took_place = done & unknown;
        if sets.iter().any(|set| set & took_place == *set) {
            return false;
        }
        let before = sets.len();
        sets.retain(|set| took_place & set != took_place);
        sets.push(took_place);
        self.count = self.count + sets.len() - before;
        assert!(self.count < MOST, "{MOST} configurations: too many outcomes are unknown");
        true
    }

    fn iter(&self) -> impl Iterator<Item = (&State, Calls)> {
        self.by_state
            .iter()
            .flat_map(|((state, done), sets)| sets.iter().map(move |set| (state, done | set)))
    }
}

/// Checks the history of one key, which did not exist at first, where what expires may be found for
/// so many nanoseconds more. Gives the largest number of configurations on the way.
pub(crate) fn check(calls: &[Call], lateness: u64) -> Result<usize, Violation> {
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        events.push((call.begin, false, index));
        events.extend(call.end.as_ref().map(|(end, _)| (*end, true, index)));
    }
    // What begins at the moment that another ends is under way together with it.
    events.sort_unstable();
    let mut open = Open { calls, lateness, slots: Vec::new(), unknown: 0 };
    let mut possible = Configurations::default();
    possible.add(None, 0, 0);
    let mut most = 1;
    for (now, is_end, index) in events {
        if !is_end {
            open.begin(index);
            continue;
        }
        let next = open.end(index, now, &possible);
        if next.count == 0 {
            let states = possible.by_state.into_keys().map(|(state, _)| state).collect();
            return Err(Violation { call: index, states });
        }
        most = most.max(next.count);
        possible = next;
    }
    Ok(most)
}

/// The calls under way or of unknown outcome.
struct Open<'a> {
    calls: &'a [Call],
    lateness: u64,
    slots: Vec<Option<usize>>,
    unknown: Calls,
}

impl Open<'_> {
    fn begin(&mut self, index: usize) {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        assert!(slot < Calls::BITS as usize, "too many calls under way");
        self.slots[slot] = Some(index);
        if self.calls[index].end.is_none() {
            self.unknown |= 1 << slot;
        }
    }

    /// The configurations in which the call had its moment and answered what it did.
    fn end(&mut self, index: usize, now: u64, possible: &Configurations) -> Configurations {
        let slot = self.slots.iter().position(|it| *it == Some(index)).expect("it began");
        let ended: Calls = 1 << slot;
        let mut found = Configurations::default();
        let mut seen = Configurations::default();
        let mut queue: VecDeque<(State, Calls)> = VecDeque::new();
        for (state, done) in possible.iter() {
            queue.push_back((state.clone(), done));
        }
        while let Some((state, done)) = queue.pop_front() {
            if done & ended != 0 {
                found.add(state, done & !ended, self.unknown);
                continue;
            }
            for (slot, index) in self.slots.iter().enumerate() {
                let (bit, Some(index)) = (1 << slot, *index) else { continue };
                if done & bit != 0 || self.is_another_first(index, done) {
                    continue;
                }
                let call = &self.calls[index];
                for state in call.found(state.clone(), now, self.lateness) {
                    let (answer, next) = call.request.carry_out(&state, call.moment());
                    if call.end.as_ref().is_some_and(|(_, given)| answer != *given) {
                        continue;
                    }
                    if seen.add(next.clone(), done | bit, self.unknown) {
                        queue.push_back((next, done | bit));
                    }
                }
            }
        }
        self.slots[slot] = None;
        found
    }

    /// Whether a call of unknown outcome that asks the same began earlier and had no moment yet.
    fn is_another_first(&self, index: usize, done: Calls) -> bool {
        let call = &self.calls[index];
        call.end.is_none()
            && self.slots.iter().enumerate().any(|(slot, other)| {
                other.is_some_and(|other| {
                    let rival = &self.calls[other];
                    done & (1 << slot) == 0
                        && rival.end.is_none()
                        && rival.request == call.request
                        && (rival.begin, other) < (call.begin, index)
                })
            })
    }
}
