//! The ledger itself, on a store that a test makes up: it has nothing to say of an honest one, and
//! finds each kind of wrong. A check that finds nothing wrong where something is, is none.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::ledger::Ledger;

const UNKNOWN: &str = "may or may not have been applied.";

/// What the store does with one write of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// Acknowledged, and not carried out.
    Lost,
    /// Acknowledged, and carried out twice.
    Twice,
    Refused,
    RefusedAndDone,
    /// Of unknown outcome, and not carried out, or once, or twice.
    Unknown(usize),
    Unanswered(usize),
    /// The reply is that of another client.
    Swapped,
    /// A read is answered from before the write.
    Stale,
    /// An error that nobody expects.
    Error,
}

#[derive(Debug, Default)]
struct Store(HashMap<String, String>);

impl Store {
    fn carry_out(&mut self, request: &str) -> String {
        let words: Vec<&str> = request.split(' ').collect();
        let value = words.get(1).and_then(|key| self.0.get(*key)).cloned();
        let mut set = |value: String| self.0.insert(words[1].to_owned(), value);
        match words[0] {
            "ping" => "pong".to_owned(),
            "exists" => usize::from(value.is_some()).to_string(),
            "get" => value.unwrap_or("(nil)".to_owned()),
            "set" => {
                set(words[2].to_owned());
                "OK".to_owned()
            }
            "append" => {
                let whole = value.unwrap_or_default() + words[2];
                let length = whole.len();
                set(whole);
                length.to_string()
            }
            "incr" => {
                let next = value.map_or(0, |text| text.parse::<u64>().expect("a count")) + 1;
                set(next.to_string());
                next.to_string()
            }
            "del" => usize::from(self.0.remove(words[1]).is_some()).to_string(),
            other => panic!("{other}"),
        }
    }

    fn suffer(&mut self, request: &str, fate: Fate) -> Option<String> {
        let command = request.split(' ').next().expect("a word");
        let mut untouched = Store(self.0.clone());
        let times = match fate {
            Fate::Lost | Fate::Refused => 0,
            Fate::Twice => 2,
            Fate::Unknown(times) | Fate::Unanswered(times) => times,
            _ => 1,
        };
        let mut reply = untouched.carry_out(request);
        for _ in 0..times {
            reply = self.carry_out(request);
        }
        match fate {
            Fate::Unanswered(_) => None,
            Fate::Unknown(_) => {
                Some(format!("ERROR: store connection lost; \"{command}\" {UNKNOWN}"))
            }
            Fate::Refused | Fate::RefusedAndDone => Some("ERROR: no room".to_owned()),
            Fate::Error => Some("ERROR: oh".to_owned()),
            Fate::Swapped => Some("another".to_owned()),
            _ => Some(reply),
        }
    }
}

/// Whether the ledger accepts a store that does so with each fifth command of this name.
fn accepts(command: &str, fate: Fate) -> bool {
    let run = || {
        let (mut ledger, mut store) = (Ledger::new("c", &["no room"]), Store::default());
        let mut count = 0;
        for _ in 0..40 {
            let mut before = Store(store.0.clone());
            for request in ledger.ask() {
                let is_meant = request.starts_with(command);
                count += usize::from(is_meant);
                let reply = match fate {
                    _ if !is_meant || count % 5 != 0 => Some(store.carry_out(&request)),
                    Fate::Stale => Some(before.carry_out(&request)),
                    fate => store.suffer(&request, fate),
                };
                ledger.take(reply.as_deref());
            }
        }
        for (place, key) in ledger.keys().iter().enumerate() {
            ledger.check(place, &store.carry_out(&format!("get {key}")));
        }
        assert!(count > 5, "{command} was not asked for");
    };
    catch_unwind(AssertUnwindSafe(run)).is_ok()
}

const WRITES: [&str; 4] = ["set", "del", "incr", "append"];

#[test]
fn what_may_be_is_accepted() {
    use Fate::{Done, Refused, Unanswered, Unknown};
    for command in WRITES {
        for fate in [Done, Refused, Unknown(0), Unknown(1), Unanswered(0), Unanswered(1)] {
            assert!(accepts(command, fate), "{fate:?} {command}");
        }
    }
    assert!(accepts("get", Fate::Unanswered(0)));
}

#[test]
fn what_cannot_be_is_found() {
    for command in WRITES {
        for fate in [Fate::Lost, Fate::RefusedAndDone, Fate::Swapped, Fate::Error] {
            assert!(!accepts(command, fate), "{fate:?} {command}");
        }
    }
    for command in ["incr", "append"] {
        for fate in [Fate::Twice, Fate::Unknown(2), Fate::Unanswered(2)] {
            assert!(!accepts(command, fate), "{fate:?} {command}");
        }
    }
    for fate in [Fate::Stale, Fate::Swapped, Fate::Unknown(0), Fate::Refused, Fate::Error] {
        assert!(!accepts("get", fate), "{fate:?} get");
    }
    for command in ["exists", "ping"] {
        assert!(!accepts(command, Fate::Swapped), "{command}");
    }
}
