//! What one client knows of its keys. Nobody else writes them, so each reply is the one that can
//! be, or says that there is none; and in the end each key is what it must be.
//!
//! A key is exactly known as long as every write to it was answered. After a write of unknown
//! outcome it is left for a new one, and has in the end the value before or after that write:
//! one that was carried out twice would show, since most writes add to what is there.

use std::collections::VecDeque;

/// The values that a key has in turn: nothing, at first.
type State = Option<String>;

/// A key of this client.
#[derive(Debug)]
pub(crate) struct Key {
    name: String,
    kind: Kind,
    state: State,
    /// What a write of unknown outcome would have made of it.
    perhaps: Option<State>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Set,
    Counted,
    Appended,
}

const KINDS: [Kind; 3] = [Kind::Set, Kind::Counted, Kind::Appended];

/// What a request is about.
#[derive(Debug)]
enum Ask {
    Write {
        key: usize,
        after: State,
        reply: String,
    },
    Read {
        key: usize,
    },
    /// Of a key that nobody ever sets.
    Missing,
    /// What the daemon answers by itself.
    Ping,
}

/// How a request can end that gets no proper reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// For certain it was not carried out.
    Unavailable,
    Refused,
    Unknown,
    /// The connection ended.
    Unanswered,
}

/// What the requests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) done: u64,
    pub(crate) refused: u64,
    pub(crate) unavailable: u64,
    pub(crate) unknown: u64,
    pub(crate) unanswered: u64,
    /// Checked in the end.
    pub(crate) keys: u64,
    pub(crate) connections: u64,
}

/// One client's keys and requests under way.
#[derive(Debug)]
pub(crate) struct Ledger {
    name: String,
    serial: u64,
    /// One of each kind in use, by its place in `keys`.
    live: [usize; KINDS.len()],
    keys: Vec<Key>,
    asked: VecDeque<(String, Ask)>,
    /// Errors that mean that a write was not carried out.
    refusals: &'static [&'static str],
    pub(crate) figures: Figures,
}

impl Ledger {
    /// Of a client with a name of its own.
    pub(crate) fn new(name: &str, refusals: &'static [&'static str]) -> Ledger {
        let mut ledger = Ledger {
            name: name.to_owned(),
            serial: 0,
            live: [0; KINDS.len()],
            keys: Vec::new(),
            asked: VecDeque::new(),
            refusals,
            figures: Figures::default(),
        };
        for place in 0..KINDS.len() {
            ledger.renew(place);
        }
        ledger
    }

    /// The next requests, whose replies have to be given to [`Ledger::take`] one by one: a write
    /// to each key, what is there then, and others among them.
    pub(crate) fn ask(&mut self) -> Vec<String> {
        assert!(self.asked.is_empty(), "no reply to {:?}", self.asked);
        self.serial += 1;
        for key in self.live {
            let write = self.write(key);
            self.asked.push_back(write);
            self.asked.push_back((format!("get {}", self.keys[key].name), Ask::Read { key }));
        }
        self.asked.insert(1, (format!("exists {}:missing", self.name), Ask::Missing));
        self.asked.insert(4, ("ping".to_owned(), Ask::Ping));
        self.asked.iter().map(|(request, _)| request.clone()).collect()
    }

    fn write(&self, key: usize) -> (String, Ask) {
        let Key { name, kind, state, .. } = &self.keys[key];
        let (request, after, reply) = match (kind, state) {
            // Now and then it goes.
            (Kind::Set, Some(_)) if self.serial.is_multiple_of(5) => {
                (format!("del {name}"), None, "1".to_owned())
            }
            (Kind::Set, _) => {
                let value = format!("{name}={}", self.serial);
                (format!("set {name} {value}"), Some(value), "OK".to_owned())
            }
            (Kind::Counted, state) => {
                let count: u64 = state.as_ref().map_or(0, |text| text.parse().expect("a count"));
                let next = (count + 1).to_string();
                (format!("incr {name}"), Some(next.clone()), next)
            }
            (Kind::Appended, state) => {
                let next = format!("{}{}.", state.as_deref().unwrap_or_default(), self.serial);
                let length = next.len().to_string();
                (format!("append {name} {}.", self.serial), Some(next), length)
            }
        };
        (request, Ask::Write { key, after, reply })
    }

    /// The reply to the first request that has none yet; `None` when the connection ended.
    pub(crate) fn take(&mut self, reply: Option<&str>) {
        let (request, ask) = self.asked.pop_front().expect("it was asked for");
        let failure = match reply {
            Some(reply) => self.failure(&request, reply),
            None => Some(Failure::Unanswered),
        };
        match (failure, ask) {
            (None, Ask::Write { key, after, reply: right }) => {
                assert_eq!(reply, Some(&*right), "to {request} of {:?}", self.keys[key]);
                self.keys[key].state = after;
            }
            (None, Ask::Read { key }) => self.check(key, reply.unwrap_or_default()),
            (None, Ask::Missing) => assert_eq!(reply, Some("0"), "to {request}"),
            (_, Ask::Ping) => {
                let pong = reply.map(str::to_lowercase);
                assert!(pong.is_none_or(|pong| pong == "pong"), "{reply:?} to {request}");
            }
            (Some(Failure::Unknown | Failure::Unanswered), Ask::Write { key, after, .. }) => {
                self.keys[key].perhaps = Some(after);
            }
            (Some(Failure::Unavailable | Failure::Refused), Ask::Write { .. })
            | (Some(Failure::Unavailable | Failure::Unanswered), _) => {}
            (Some(failure), _) => panic!("{failure:?}, and {request} is no write: {reply:?}"),
        }
        let figures = &mut self.figures;
        *match failure {
            None => &mut figures.done,
            Some(Failure::Refused) => &mut figures.refused,
            Some(Failure::Unavailable) => &mut figures.unavailable,
            Some(Failure::Unknown) => &mut figures.unknown,
            Some(Failure::Unanswered) => &mut figures.unanswered,
        } += 1;
        if self.asked.is_empty() {
            self.leave_uncertain_keys();
        }
    }

    fn failure(&self, request: &str, reply: &str) -> Option<Failure> {
        let error = reply.strip_prefix("ERROR: ")?;
        let command = request.split(' ').next().expect("a word");
        let unknown =
            format!("store connection lost; \"{command}\" may or may not have been applied.");
        if error.starts_with("store unavailable: ") {
            Some(Failure::Unavailable)
        } else if error.eq_ignore_ascii_case(&unknown) {
            Some(Failure::Unknown)
        } else if self.refusals.contains(&error) {
            Some(Failure::Refused)
        } else {
            panic!("{reply} to {request}")
        }
    }

    /// Whether what `get` found is what the key, by its place among all, has to be.
    pub(crate) fn check(&self, key: usize, found: &str) {
        let key = &self.keys[key];
        let is = |state: &State| found == state.as_deref().unwrap_or("(nil)");
        assert!(
            is(&key.state) || key.perhaps.as_ref().is_some_and(is),
            "{found} is found where there has to be {key:?}"
        );
    }

    fn leave_uncertain_keys(&mut self) {
        for place in 0..KINDS.len() {
            if self.keys[self.live[place]].perhaps.is_some() {
                self.renew(place);
            }
        }
    }

    fn renew(&mut self, place: usize) {
        self.live[place] = self.keys.len();
        let name = format!("{}:{}", self.name, self.keys.len());
        self.keys.push(Key { name, kind: KINDS[place], state: None, perhaps: None });
    }

    /// The names of all keys that there were.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.name.clone()).collect()
    }
}

impl Figures {
    /// All requests.
    pub(crate) fn all(&self) -> u64 {
        self.done + self.refused + self.unavailable + self.unknown + self.unanswered
    }

    /// Both together.
    #[must_use]
    pub(crate) fn and(self, other: Figures) -> Figures {
        Figures {
            done: self.done + other.done,
            refused: self.refused + other.refused,
            unavailable: self.unavailable + other.unavailable,
            unknown: self.unknown + other.unknown,
            unanswered: self.unanswered + other.unanswered,
            keys: self.keys + other.keys,
            connections: self.connections + other.connections,
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Figures { done, refused, unavailable, unknown, unanswered, keys, connections } = self;
        let all = self.all();
        write!(
            f,
            "{all} requests over {connections} connections: {done} done, {refused} refused, \
             {unavailable} unavailable, {unknown} of unknown outcome, {unanswered} unanswered; \
             {keys} keys checked"
        )
    }
}
