//! A client that asks one thing after the other and records what came of each.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::checker::Call;
use crate::manager::Interruptions;
use crate::model::{Answer, Request};
use crate::support::daemon::PATIENCE;
use crate::support::wire::textual::{Protocol, Wire};

/// What became of a request.
#[derive(Debug)]
enum Outcome {
    Done(Answer),
    /// For certain.
    NotDone,
    Unknown,
}

/// What a client saw.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Each with its key. Reads without an answer, and what was not done, are left out.
    pub(crate) calls: Vec<(String, Call)>,
    pub(crate) answered: u64,
    pub(crate) not_done: u64,
    pub(crate) unknown: u64,
    pub(crate) abandoned: u64,
    pub(crate) connections: u64,
}

pub(crate) struct Client {
    number: usize,
    socket: PathBuf,
    protocol: Protocol,
    wire: Option<Wire>,
    /// What may end a connection.
    interruptions: Arc<Interruptions>,
    /// When the run began.
    start: Instant,
    pub(crate) record: Record,
}

impl Client {
    pub(crate) fn new(
        number: usize,
        socket: PathBuf,
        interruptions: Arc<Interruptions>,
        start: Instant,
    ) -> Client {
        let protocol = [Protocol::Text, Protocol::Resp2, Protocol::Resp3][number % 3];
        let record = Record::default();
        Client { number, socket, protocol, wire: None, interruptions, start, record }
    }

    pub(crate) fn speaks_resp(&self) -> bool {
        self.protocol != Protocol::Text
    }

    /// Asks, and records what became of it. Gives whether the outcome is known.
    pub(crate) fn ask(&mut self, key: &str, request: Request) -> bool {
        self.carry_out(key, request, &[]).1
    }

    /// Asks, and is gone before there is an answer.
    pub(crate) fn abandon(&mut self, key: &str, request: Request) {
        let mut wire = self.wire.take().unwrap_or_else(|| self.connect());
        let begin = self.now();
        // What was not sent whole was not asked; whether it was does not matter.
        let _ = wire.send(&asked(key, &request));
        self.record.abandoned += 1;
        self.record.unknown += 1;
        let call = Call { client: self.number, request, begin, end: None };
        self.record.calls.push((key.to_owned(), call));
    }

    /// Reads the key until there is an answer.
    pub(crate) fn read(&mut self, key: &str) {
        let end = Instant::now() + PATIENCE;
        while self.carry_out(key, Request::Get, &[]).0.is_none() {
            assert!(Instant::now() < end, "no answer to a read of {key}");
        }
    }

    /// Watches the key, and sets it if it is what it was. Gives whether the outcome is known.
    pub(crate) fn exchange(&mut self, key: &str, value: &str) -> bool {
        let watch = [format!("watch {key}")];
        let (Some(Answer::Ok | Answer::Value(_) | Answer::Nil), _) =
            self.carry_out(key, Request::Get, &watch)
        else {
            return self.forget();
        };
        let Some((_, Call { end: Some((_, found)), .. })) = self.record.calls.last() else {
            return self.forget();
        };
        let seen = match found {
            Answer::Value(value) => Some(Arc::clone(value)),
            _ => None,
        };
        self.ask(key, Request::Exchange { seen, value: value.into() })
    }

    /// A watch that nothing came of.
    fn forget(&mut self) -> bool {
        self.wire = None;
        true
    }

    fn carry_out(
        &mut self,
        key: &str,
        request: Request,
        before: &[String],
    ) -> (Option<Answer>, bool) {
        let mut wire = self.wire.take().unwrap_or_else(|| self.connect());
        // Read before the reply can be there: what comes after this may end the connection.
        let interruptions = self.interruptions.now();
        let begin = self.now();
        let outcome = converse(&mut wire, key, &request, before);
        let end = self.now();
        let outcome = match outcome {
            Ok(outcome) => {
                wire.is_known_at(interruptions);
                self.wire = Some(wire);
                outcome
            }
            // A connection that ended said nothing of the request.
            Err(error) => {
                let is_expected = self.interruptions.are_there_since(wire.known_at());
                assert!(is_expected, "{request:?}: nothing had to end the connection: {error}");
                Outcome::Unknown
            }
        };
        let mut call = Call { client: self.number, request, begin, end: None };
        match outcome {
            Outcome::Done(answer) => {
                self.record.answered += 1;
                call.end = Some((end, answer.clone()));
                self.record.calls.push((key.to_owned(), call));
                (Some(answer), true)
            }
            Outcome::Unknown if !call.request.is_read() => {
                self.record.unknown += 1;
                self.record.calls.push((key.to_owned(), call));
                (None, false)
            }
            Outcome::NotDone | Outcome::Unknown => {
                self.record.not_done += 1;
                (None, true)
            }
        }
    }

    /// Waits for a daemon that listens.
    fn connect(&mut self) -> Wire {
        self.record.connections += 1;
        let interruptions = self.interruptions.now();
        let end = Instant::now() + PATIENCE;
        loop {
            match Wire::connect(&self.socket, self.protocol) {
                Ok(mut wire) => {
                    wire.is_known_at(interruptions);
                    return wire;
                }
                Err(error) => assert!(Instant::now() < end, "nobody listens: {error}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).expect("a short run")
    }
}

/// Sends the request and reads its reply. An error is a connection that ended before that.
fn converse(
    wire: &mut Wire,
    key: &str,
    request: &Request,
    before: &[String],
) -> io::Result<Outcome> {
    let sent = [before, &asked(key, request)].concat();
    wire.send(&sent)?;
    let mut is_watched = true;
    for asked in &sent[..sent.len() - 1] {
        let reply = wire.reply()?;
        if asked.starts_with("watch") && reply.starts_with("ERROR: store ") {
            is_watched = false;
        } else {
            assert!(matches!(&*reply, "OK" | "QUEUED"), "{asked}: {reply}");
        }
    }
    let reply = wire.reply()?;
    if !is_watched {
        return Ok(Outcome::NotDone);
    }
    Ok(outcome(request, &reply, wire.protocol()))
}

/// What is sent for it.
fn asked(key: &str, request: &Request) -> Vec<String> {
    let begin = "multi".to_owned();
    let end = "exec".to_owned();
    match request {
        Request::Transaction(requests) => {
            let requests = requests.iter().map(|request| words(key, request));
            std::iter::once(begin).chain(requests).chain([end]).collect()
        }
        Request::Exchange { value, .. } => vec![begin, format!("set {key} {value}"), end],
        request => vec![words(key, request)],
    }
}

fn words(key: &str, request: &Request) -> String {
    match request {
        Request::Get => format!("get {key}"),
        Request::Exists => format!("exists {key}"),
        Request::StrLen => format!("strlen {key}"),
        Request::Set(value) => format!("set {key} {value}"),
        Request::SetNx(value) => format!("setnx {key} {value}"),
        Request::GetSet(value) => format!("getset {key} {value}"),
        Request::SetIf { value, exists, get } => {
            let condition = if *exists { "XX" } else { "NX" };
            format!("set {key} {value} {condition}{}", if *get { " GET" } else { "" })
        }
        Request::SetFor { value, millis } => format!("psetex {key} {millis} {value}"),
        Request::Expire(millis) => format!("pexpire {key} {millis}"),
        Request::Persist => format!("persist {key}"),
        Request::Append(value) => format!("append {key} {value}"),
        Request::Incr => format!("incr {key}"),
        Request::Remove => format!("del {key}"),
        Request::GetDel => format!("getdel {key}"),
        Request::Transaction(_) | Request::Exchange { .. } => unreachable!("takes several"),
    }
}

fn outcome(request: &Request, reply: &str, protocol: Protocol) -> Outcome {
    let Some(error) = reply.strip_prefix("ERROR: ") else {
        return match request {
            // A key that was watched has changed.
            Request::Exchange { .. } if reply == "(nil)" => Outcome::NotDone,
            request => Outcome::Done(answer(request, reply)),
        };
    };
    if error.starts_with("store unavailable: ") {
        return Outcome::NotDone;
    }
    if error.ends_with("may or may not have been applied.") {
        assert!(!request.is_read(), "a read is never of unknown outcome");
        return Outcome::Unknown;
    }
    let no_number = "value is not an integer or out of range";
    assert!(
        *request == Request::Incr && error == no_number,
        "{request:?} over {protocol:?} was answered {error}"
    );
    Outcome::Done(Answer::NoNumber)
}

fn answer(request: &Request, reply: &str) -> Answer {
    match request {
        Request::Exists
        | Request::StrLen
        | Request::SetNx(_)
        | Request::Append(_)
        | Request::Expire(_)
        | Request::Persist
        | Request::Incr
        | Request::Remove => match reply.parse() {
            Ok(number) => Answer::Number(number),
            Err(error) => panic!("{request:?} was answered {reply}: {error}"),
        },
        Request::Transaction(requests) => {
            let replies: Vec<&str> = reply.split(' ').collect();
            assert_eq!(replies.len(), requests.len(), "{request:?} was answered {reply}");
            let pairs = requests.iter().zip(replies);
            Answer::All(pairs.map(|(request, reply)| answer(request, reply)).collect())
        }
        _ if reply == "(nil)" => Answer::Nil,
        Request::Set(_)
        | Request::SetFor { .. }
        | Request::Exchange { .. }
        | Request::SetIf { get: false, .. } => {
            assert_eq!(reply, "OK", "{request:?}");
            Answer::Ok
        }
        Request::Get | Request::GetSet(_) | Request::GetDel | Request::SetIf { .. } => {
            Answer::Value(reply.into())
        }
    }
}
