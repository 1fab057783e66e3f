//! What one key is to a single client: the requests, and what each answers and leaves behind. This
//! is the specification that histories are checked against.

use std::sync::Arc;

/// What is at a key, if anything is.
pub(crate) type State = Option<Held>;

/// A value, and perhaps when it goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) value: Arc<str>,
    pub(crate) expiry: Option<Span>,
}

/// From when to when something happened or will, in nanoseconds of the run: nobody knows better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) earliest: u64,
    pub(crate) latest: u64,
}

/// What the clocks of the run and of the store may differ by, their steps included.
const SLACK: u64 = 20_000_000;

impl Span {
    /// When what happens in this span ends that lasts for so long.
    fn after(self, millis: u64) -> Span {
        let nanos = millis * 1_000_000;
        Span {
            earliest: self.earliest.saturating_add(nanos).saturating_sub(SLACK),
            latest: self.latest.saturating_add(nanos).saturating_add(SLACK),
        }
    }
}

/// A request on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Get,
    Exists,
    StrLen,
    Set(Arc<str>),
    SetNx(Arc<str>),
    GetSet(Arc<str>),
    /// SET with NX or XX, with or without GET.
    SetIf {
        value: Arc<str>,
        exists: bool,
        get: bool,
    },
    /// A value that goes after so many milliseconds.
    SetFor {
        value: Arc<str>,
        millis: u64,
    },
    /// What is there goes after so many milliseconds.
    Expire(u64),
    Persist,
    Append(Arc<str>),
    Incr,
    Remove,
    GetDel,
    /// MULTI, these, EXEC.
    Transaction(Vec<Request>),
    /// WATCH, GET, MULTI, SET, EXEC, of which EXEC is this: the key had to be as it was `seen`.
    Exchange {
        seen: Option<Arc<str>>,
        value: Arc<str>,
    },
}

/// What the client was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Nil,
    Value(Arc<str>),
    Number(i64),
    /// `value is not an integer or out of range`.
    NoNumber,
    All(Vec<Answer>),
    /// No answer that a request gets.
    Impossible,
}

impl Request {
    /// What a client is told where the key is in `state`, and what the key is afterwards, when the
    /// request takes place within `moment`.
    pub(crate) fn carry_out(&self, state: &State, moment: Span) -> (Answer, State) {
        if let Request::Transaction(requests) = self {
            let mut state = state.clone();
            let answers = requests.iter().map(|request| {
                let (answer, next) = request.carry_out(&state, moment);
                state = next;
                answer
            });
            return (Answer::All(answers.collect()), state);
        }
        (self.answer(state), self.next(state, moment))
    }

    fn answer(&self, state: &State) -> Answer {
        let value = || state.as_ref().map_or(Answer::Nil, |it| Answer::Value(it.value.clone()));
        let length = state.as_ref().map_or(0, |held| held.value.len());
        match self {
            Request::Get
            | Request::GetSet(_)
            | Request::GetDel
            | Request::SetIf { get: true, .. } => value(),
            Request::Exists | Request::Remove | Request::Expire(_) => {
                Answer::Number(state.is_some().into())
            }
            Request::SetNx(_) => Answer::Number(state.is_none().into()),
            Request::Persist => {
                Answer::Number(state.as_ref().is_some_and(|held| held.expiry.is_some()).into())
            }
            Request::StrLen => number(length),
            Request::Append(more) => number(length + more.len()),
            Request::Set(_) | Request::SetFor { .. } => Answer::Ok,
            Request::SetIf { exists, .. } if state.is_some() == *exists => Answer::Ok,
            Request::SetIf { .. } => Answer::Nil,
            Request::Incr => count(state).map_or(Answer::NoNumber, |n| Answer::Number(n + 1)),
            Request::Exchange { seen, .. } if is(seen.as_ref(), state) => Answer::Ok,
            Request::Exchange { .. } | Request::Transaction(_) => Answer::Impossible,
        }
    }

    fn next(&self, state: &State, moment: Span) -> State {
        match self {
            Request::Get | Request::Exists | Request::StrLen | Request::Transaction(_) => {
                state.clone()
            }
            Request::Set(value) | Request::GetSet(value) => replaced(state, value, true),
            Request::SetNx(value) => replaced(state, value, state.is_none()),
            Request::SetIf { value, exists, .. } => {
                replaced(state, value, state.is_some() == *exists)
            }
            Request::Exchange { seen, value } => replaced(state, value, is(seen.as_ref(), state)),
            Request::SetFor { value, millis } => {
                Some(Held { value: value.clone(), expiry: Some(moment.after(*millis)) })
            }
            Request::Expire(millis) => state
                .as_ref()
                .map(|held| Held { expiry: Some(moment.after(*millis)), ..held.clone() }),
            Request::Persist => state.as_ref().map(|held| Held { expiry: None, ..held.clone() }),
            Request::Append(more) => {
                let before = state.as_ref().map_or("", |held| &held.value);
                Some(edited(state, [before, more].concat()))
            }
            Request::Incr => match count(state) {
                Some(number) => Some(edited(state, (number + 1).to_string())),
                None => state.clone(),
            },
            Request::Remove | Request::GetDel => None,
        }
    }

    /// Whether it changes nothing, whatever becomes of it.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Request::Get | Request::Exists | Request::StrLen)
    }
}

fn is(seen: Option<&Arc<str>>, state: &State) -> bool {
    seen == state.as_ref().map(|held| &held.value)
}

/// A new value, which does not go.
fn replaced(state: &State, value: &Arc<str>, is_done: bool) -> State {
    if is_done { Some(Held { value: Arc::clone(value), expiry: None }) } else { state.clone() }
}

/// A changed value, which goes when the old one would have.
fn edited(state: &State, value: String) -> Held {
    Held { value: value.into(), expiry: state.as_ref().and_then(|held| held.expiry) }
}

fn number(length: usize) -> Answer {
    Answer::Number(i64::try_from(length).expect("a short value"))
}

/// The number that INCR finds.
fn count(state: &State) -> Option<i64> {
    state.as_ref().map_or(Some(0), |held| held.value.parse().ok())
}
