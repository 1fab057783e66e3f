//! What one key is to a single client: the requests, and what each answers and leaves behind. This
//! is the specification that histories are checked against.

use std::sync::Arc;

/// The value at a key, if there is one.
pub(crate) type State = Option<Arc<str>>;

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
    Append(Arc<str>),
    Incr,
    Remove,
    GetDel,
    /// MULTI, these, EXEC.
    Transaction(Vec<Request>),
    /// WATCH, GET, MULTI, SET, EXEC, of which EXEC is this: the key had to be as it was `seen`.
    Exchange {
        seen: State,
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
    /// What a client is told where the key is in `state`.
    pub(crate) fn answer(&self, state: &State) -> Answer {
        let value = || state.clone().map_or(Answer::Nil, Answer::Value);
        let length = state.as_deref().map_or(0, str::len);
        match self {
            Request::Get
            | Request::GetSet(_)
            | Request::GetDel
            | Request::SetIf { get: true, .. } => value(),
            Request::Exists | Request::Remove => Answer::Number(state.is_some().into()),
            Request::SetNx(_) => Answer::Number(state.is_none().into()),
            Request::StrLen => number(length),
            Request::Append(more) => number(length + more.len()),
            Request::Set(_) => Answer::Ok,
            Request::SetIf { exists, .. } if state.is_some() == *exists => Answer::Ok,
            Request::SetIf { .. } => Answer::Nil,
            Request::Incr => count(state).map_or(Answer::NoNumber, |n| Answer::Number(n + 1)),
            Request::Transaction(requests) => {
                let mut state = state.clone();
                let answers = requests.iter().map(|request| {
                    let answer = request.answer(&state);
                    state = request.next(&state);
                    answer
                });
                Answer::All(answers.collect())
            }
            Request::Exchange { seen, .. } if seen == state => Answer::Ok,
            Request::Exchange { .. } => Answer::Impossible,
        }
    }

    /// What the key is afterwards.
    pub(crate) fn next(&self, state: &State) -> State {
        match self {
            Request::Get | Request::Exists | Request::StrLen => state.clone(),
            Request::Set(value) | Request::GetSet(value) => Some(Arc::clone(value)),
            Request::SetNx(value) => replaced(state, value, state.is_none()),
            Request::SetIf { value, exists, .. } => {
                replaced(state, value, state.is_some() == *exists)
            }
            Request::Exchange { seen, value } => replaced(state, value, seen == state),
            Request::Append(more) => Some([state.as_deref().unwrap_or(""), more].concat().into()),
            Request::Incr => match count(state) {
                Some(number) => Some((number + 1).to_string().into()),
                None => state.clone(),
            },
            Request::Remove | Request::GetDel => None,
            Request::Transaction(requests) => {
                requests.iter().fold(state.clone(), |state, request| request.next(&state))
            }
        }
    }

    /// Whether it changes nothing, whatever becomes of it.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Request::Get | Request::Exists | Request::StrLen)
    }
}

fn replaced(state: &State, value: &Arc<str>, is_done: bool) -> State {
    if is_done { Some(Arc::clone(value)) } else { state.clone() }
}

fn number(length: usize) -> Answer {
    Answer::Number(i64::try_from(length).expect("a short value"))
}

/// The number that INCR finds.
fn count(state: &State) -> Option<i64> {
    state.as_deref().map_or(Some(0), |value| value.parse().ok())
}
