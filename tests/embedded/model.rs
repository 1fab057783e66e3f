//! Any operations in any order, compared with a map.

use std::collections::BTreeMap;

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::Operation;
use proptest::prelude::*;

use crate::support::{Opened, operation, options};

#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Operation>),
    Transaction(Vec<Operation>),
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "ab", "n", "n2"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "0", "-7", "9223372036854775807", "x"])
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let depth = prop::sample::select(vec!["1", "3", "1000"]);
    let glob = prop::sample::select(vec!["*", "a*", "?", "[n-z]*", ""]);
    prop_oneof![
        6 => (key(), text()).prop_map(|(k, v)| operation("SET", &[&*k, v])),
        2 => (key(), text()).prop_map(|(k, v)| operation("SETEX", &[&*k, "1000", v])),
        2 => prop::collection::vec(key(), 1..3).prop_map(|keys| operation("DEL", &keys)),
        2 => key().prop_map(|k| operation("INCR", &[k])),
        2 => key().prop_map(|k| operation("DECR", &[k])),
        1 => key().prop_map(|k| operation("EXPIRE", &[&*k, "-1"])),
        1 => key().prop_map(|k| operation("PERSIST", &[k])),
        3 => key().prop_map(|k| operation("GET", &[k])),
        1 => prop::collection::vec(key(), 1..3).prop_map(|keys| operation("EXISTS", &keys)),
        2 => (key(), text()).prop_map(|(k, v)| operation("SETNX", &[&*k, v])),
        1 => (key(), text()).prop_map(|(k, v)| operation("GETSET", &[&*k, v])),
        2 => (key(), text()).prop_map(|(k, v)| operation("APPEND", &[&*k, v])),
        1 => key().prop_map(|k| operation("GETDEL", &[k])),
        1 => (key(), key()).prop_map(|(k, l)| operation("MSET", &[&*k, "1", &*l, "2"])),
        2 => (key(), key()).prop_map(|(k, l)| operation("RENAME", &[k, l])),
        1 => (key(), key()).prop_map(|(k, l)| operation("RENAMENX", &[k, l])),
        1 => (key(), key()).prop_map(|(k, l)| operation("COPY", &[&*k, &*l, "REPLACE"])),
        2 => depth.prop_map(|count| operation("LAST", &[count])),
        1 => glob.prop_map(|pattern| operation("KEYS", &[pattern])),
        1 => Just(operation::<&str>("DBSIZE", &[])),
        1 => Just(operation::<&str>("FLUSHDB", &[])),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(any_operation(), 1..6).prop_map(Step::Batch),
        3 => prop::collection::vec(any_operation(), 1..6).prop_map(Step::Transaction),
        1 => Just(Step::Reopen),
    ]
}

/// What the store should hold, as simply as can be. Nothing expires by itself.
#[derive(Default)]
struct Model {
    data: BTreeMap<Bytes, (Bytes, bool)>,
    order: Vec<Bytes>,
}

impl Model {
    fn run(&mut self, operation: &Operation) -> Reply {
        let args = &operation.args;
        match operation.command.spec.name {
            "SET" => self.set(&args[0], &args[1], false),
            "SETEX" => self.set(&args[0], &args[2], true),
            "DEL" | "EXPIRE" => {
                let keys =
                    if operation.command.spec.name == "DEL" { &args[..] } else { &args[..1] };
                let removed = keys.iter().filter(|key| self.remove(key)).count();
                Reply::Integer(i64::try_from(removed).unwrap())
            }
            "SETNX" if self.data.contains_key(&args[0]) => Reply::Integer(0),
            "SETNX" => {
                self.set(&args[0], &args[1], false);
                Reply::Integer(1)
            }
            "GETSET" => {
                let old = self.get(&args[0]);
                self.set(&args[0], &args[1], false);
                old
            }
            "GETDEL" => {
                let old = self.get(&args[0]);
                self.remove(&args[0]);
                old
            }
            "APPEND" => {
                let value = &mut self.data.entry(args[0].clone()).or_default().0;
                *value = [&value[..], &args[1]].concat().into();
                Reply::Integer(i64::try_from(value.len()).unwrap())
            }
            "MSET" => {
                for pair in args.chunks(2) {
                    self.set(&pair[0], &pair[1], false);
                }
                Reply::OK
            }
            "RENAME" | "RENAMENX" | "COPY" => self.transfer(operation),
            "INCR" => self.add(&args[0], 1),
            "DECR" => self.add(&args[0], -1),
            "PERSIST" => {
                let found = self.data.get_mut(&args[0]);
                Reply::Integer(found.map_or(0, |it| i64::from(std::mem::take(&mut it.1))))
            }
            "GET" => self.get(&args[0]),
            "EXISTS" => {
                let found = args.iter().filter(|key| self.data.contains_key(*key)).count();
                Reply::Integer(i64::try_from(found).unwrap())
            }
            "LAST" => {
                let count: usize = std::str::from_utf8(&args[0]).unwrap().parse().unwrap();
                let skipped = self.order.len().saturating_sub(count);
                let pair = |key: &Bytes| (key.clone(), self.data[key].0.clone());
                Reply::Pairs(self.order.iter().skip(skipped).map(pair).collect())
            }
            "KEYS" => {
                let matching = |key: &&Bytes| match &args[0][..] {
                    b"*" => true,
                    b"a*" => key.starts_with(b"a"),
                    b"?" => key.len() == 1,
                    b"[n-z]*" => key.starts_with(b"n"),
                    _ => key.is_empty(),
                };
                Reply::List(self.data.keys().filter(matching).cloned().map(Some).collect())
            }
            "DBSIZE" => Reply::Integer(i64::try_from(self.data.len()).unwrap()),
            "FLUSHDB" => {
                *self = Model::default();
                Reply::OK
            }
            name => unreachable!("{name} is not generated"),
        }
    }

    fn get(&self, key: &Bytes) -> Reply {
        self.data.get(key).map_or(Reply::Nil, |it| Reply::Value(it.0.clone()))
    }

    fn transfer(&mut self, operation: &Operation) -> Reply {
        let (from, to) = (&operation.args[0], &operation.args[1]);
        let found = self.data.get(from).cloned();
        let (done, refused) = match operation.command.spec.name {
            "COPY" if from == to => {
                return Reply::failed("source and destination objects are the same");
            }
            "COPY" => (Reply::Integer(1), Reply::Integer(0)),
            _ if found.is_none() => return Reply::failed("no such key"),
            "RENAME" => (Reply::OK, Reply::OK),
            _ => (Reply::Integer(1), Reply::Integer(0)),
        };
        let is_new = !self.data.contains_key(to);
        match found {
            Some((value, expires))
                if is_new || from != to && operation.command.spec.name != "RENAMENX" =>
            {
                self.set(to, &value, expires);
                if operation.command.spec.name != "COPY" {
                    self.remove(from);
                }
                done
            }
            _ => refused,
        }
    }

    fn set(&mut self, key: &Bytes, value: &Bytes, expires: bool) -> Reply {
        self.data.insert(key.clone(), (value.clone(), expires));
        self.order.retain(|it| it != key);
        self.order.push(key.clone());
        Reply::OK
    }

    fn remove(&mut self, key: &Bytes) -> bool {
        self.order.retain(|it| it != key);
        self.data.remove(key).is_some()
    }

    fn add(&mut self, key: &Bytes, step: i64) -> Reply {
        let old = self.data.get(key).map_or("0".into(), |it| it.0.clone());
        let text = std::str::from_utf8(&old).unwrap();
        // A number has one spelling: two zeros put together are none.
        let Some(old) = text.parse::<i64>().ok().filter(|number| number.to_string() == text) else {
            return Reply::failed("value is not an integer or out of range");
        };
        let Some(new) = old.checked_add(step) else {
            return Reply::failed("increment or decrement would overflow");
        };
        self.data.entry(key.clone()).or_default().0 = new.to_string().into();
        Reply::Integer(new)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_store_does_what_a_map_would_do(steps in prop::collection::vec(any_step(), 1..25)) {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Opened::new(options(directory.path()));
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Batch(batch) => {
                    let expected: Vec<Reply> = batch.iter().map(|it| model.run(it)).collect();
                    prop_assert_eq!(store.batch(batch.clone()), expected, "{:?}", batch);
                }
                Step::Transaction(batch) => {
                    let expected = batch.iter().map(|it| model.run(it)).collect();
                    let reply = store.transact(None, batch.clone());
                    prop_assert_eq!(reply, Reply::Array(expected), "{:?}", batch);
                }
                Step::Reopen => {
                    store.close();
                    store = Opened::new(options(directory.path()));
                }
            }
        }
        store.close();
    }
}
