//! What only the embedded engine promises: its files, its bounds, its order of setting.
//!
//! What both engines promise is in the contract suite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/embedded.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{OpenError, Operation, Options, Sync, Verb};
use proptest::prelude::*;

use support::{Opened, list, operation, options, pairs, value};

fn with_prefix(directory: &Path, prefix: &'static str) -> Options {
    Options { prefix: Bytes::from_static(prefix.as_bytes()), ..options(directory) }
}

fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the condition never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn replies_and_errors_are_those_of_valkey() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let integer = Reply::Integer;
    let not_integer = || Reply::failed("value is not an integer or out of range");
    let overflow = || Reply::failed("increment or decrement would overflow");
    let setex = || Reply::failed("invalid expire time in 'setex' command");
    let expire = || Reply::failed("invalid expire time in 'expire' command");
    let reserved = || Reply::failed("key is reserved for kvsock");
    let max = "9223372036854775807";
    let min = "-9223372036854775808";
    let steps: &[(Verb, &[&str], Reply)] = &[
        (Verb::Ping, &[], Reply::Status("PONG")),
        (Verb::Get, &["a"], Reply::Nil),
        (Verb::Set, &["a", "1"], Reply::OK),
        (Verb::Get, &["a"], value("1")),
        (Verb::Set, &["", ""], Reply::OK),
        (Verb::Get, &[""], value("")),
        (Verb::Incr, &[""], not_integer()),
        (Verb::Del, &["", ""], integer(1)),
        (Verb::Exists, &["a", "a", "b"], integer(2)),
        (Verb::Incr, &["a"], integer(2)),
        (Verb::Decr, &["n"], integer(-1)),
        (Verb::Set, &["n", max], Reply::OK),
        (Verb::Incr, &["n"], overflow()),
        (Verb::Set, &["n", min], Reply::OK),
        (Verb::Decr, &["n"], overflow()),
        (Verb::Set, &["n", "01"], Reply::OK),
        (Verb::Incr, &["n"], not_integer()),
        (Verb::Ttl, &["n"], integer(-1)),
        (Verb::Ttl, &["none"], integer(-2)),
        (Verb::Expire, &["n", "100"], integer(1)),
        (Verb::Ttl, &["n"], integer(100)),
        (Verb::Persist, &["n"], integer(1)),
        (Verb::Persist, &["n"], integer(0)),
        (Verb::Persist, &["none"], integer(0)),
        (Verb::SetEx, &["n", "100", "5"], Reply::OK),
        (Verb::Incr, &["n"], integer(6)),
        (Verb::Ttl, &["n"], integer(100)),
        (Verb::Set, &["n", "x"], Reply::OK),
        (Verb::Ttl, &["n"], integer(-1)),
        (Verb::SetEx, &["n", "0", "y"], setex()),
        (Verb::SetEx, &["n", "-1", "y"], setex()),
        (Verb::SetEx, &["n", max, "y"], setex()),
        (Verb::SetEx, &["n", "1x", "y"], not_integer()),
        (Verb::Expire, &["none", "1x"], not_integer()),
        (Verb::Expire, &["none", max], expire()),
        (Verb::Expire, &["none", min], expire()),
        (Verb::Expire, &["none", "1"], integer(0)),
        (Verb::Get, &["n"], value("x")),
        (Verb::Size, &[], integer(2)),
        (Verb::Expire, &["n", "-1"], integer(1)),
        (Verb::Get, &["n"], Reply::Nil),
        (Verb::Expire, &["n", "0"], integer(0)),
        (Verb::Del, &["a", "n", "a"], integer(1)),
        (Verb::Size, &[], integer(0)),
        (Verb::Set, &["x\0kvsock:last", "v"], reserved()),
        (Verb::Get, &["\0kvsock:last"], reserved()),
        (Verb::Del, &["a", "\0kvsock:last"], reserved()),
        (Verb::Save, &[], Reply::OK),
    ];
    for (verb, args, expected) in steps {
        assert_eq!(store.run(*verb, args), *expected, "{verb:?} {args:?}");
    }
    // The same as one batch, after all was removed.
    assert_eq!(store.ask(Verb::Clear), Reply::OK);
    let batch = steps.iter().map(|(verb, args, _)| operation(*verb, args)).collect();
    let expected: Vec<Reply> = steps.iter().map(|(_, _, reply)| reply.clone()).collect();
    assert_eq!(store.batch(batch), expected);
    store.close();
}

#[test]
fn an_expired_key_is_gone_at_once_and_swept_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let setex = |key| operation(Verb::SetEx, &[format!("k{key}"), "1".to_owned(), "7".to_owned()]);
    store.batch((0..2_500).map(setex).collect());
    assert_eq!(store.ask(Verb::Size), Reply::Integer(2_500));
    store.run(Verb::Set, &["stays", "1"]);
    store.run(Verb::Expire, &["stays", "1000"]);
    wait_until(|| store.ask(Verb::Size) == Reply::Integer(1));
    assert_eq!(store.run(Verb::Get, &["k2499"]), Reply::Nil);
    assert_eq!(store.run(Verb::Keys, &["*"]), list(&["stays"]));
    assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[("stays", "1")]));
    // What expired does not come back by counting, which is no setting.
    assert_eq!(store.run(Verb::Incr, &["k1"]), Reply::Integer(1));
    assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[("stays", "1")]));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(2));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(2));
    store.close();
}

#[test]
fn last_tells_the_order_of_setting_across_restarts_and_depths() {
    let directory = tempfile::tempdir().unwrap();
    let depth = |last_depth| Options { last_depth, ..options(directory.path()) };
    let store = Opened::new(depth(3));
    for (key, text) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("d", "5")] {
        store.run(Verb::Set, &[key, text]);
    }
    store.run(Verb::Incr, &["a"]);
    let three = pairs(&[("c", "3"), ("a", "5"), ("d", "5")]);
    assert_eq!(store.run(Verb::Last, &["9"]), three);
    assert_eq!(store.run(Verb::Last, &["2"]), pairs(&[("a", "5"), ("d", "5")]));
    store.close();
    let store = Opened::new(depth(2));
    assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[("a", "5"), ("d", "5")]));
    store.run(Verb::Del, &["d"]);
    store.run(Verb::SetEx, &["e", "100", "6"]);
    store.close();
    let store = Opened::new(depth(3));
    store.run(Verb::Set, &["f", "7"]);
    assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[("a", "5"), ("e", "6"), ("f", "7")]));
    assert_eq!(
        store.run(Verb::Last, &["0"]),
        Reply::failed("value is not an integer or out of range")
    );
    store.ask(Verb::Clear);
    assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[]));
    store.close();
}

#[test]
fn a_prefix_hides_all_other_keys() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    for key in ["p:a", "p:b", "q", "o"] {
        store.run(Verb::Set, &[key, key]);
    }
    store.close();
    let store = Opened::new(with_prefix(directory.path(), "p:"));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(2));
    assert_eq!(store.run(Verb::Get, &["a"]), value("p:a"));
    assert_eq!(store.run(Verb::Set, &["c", "x"]), Reply::OK);
    assert_eq!(store.ask(Verb::Keys), list(&["a", "b", "c"]));
    assert_eq!(store.run(Verb::Keys, &["[bc]"]), list(&["b", "c"]));
    assert_eq!(store.run(Verb::Last, &["2"]), pairs(&[("b", "p:b"), ("c", "x")]));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(3));
    assert_eq!(store.ask(Verb::Clear), Reply::OK);
    assert_eq!(store.ask(Verb::Size), Reply::Integer(0));
    assert_eq!(store.ask(Verb::Keys), list(&[]));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask(Verb::Keys), list(&["o", "q"]));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(2));
    store.close();
}

#[test]
fn clearing_under_a_prefix_takes_more_than_one_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    store.run(Verb::Set, &["other", "1"]);
    let sets = (0..2_500).map(|n| operation(Verb::Set, &[format!("p:{n}"), n.to_string()]));
    store.batch(sets.collect());
    store.close();
    let store = Opened::new(with_prefix(directory.path(), "p:"));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(2_500));
    assert_eq!(store.ask(Verb::Clear), Reply::OK);
    assert_eq!(store.ask(Verb::Size), Reply::Integer(0));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask(Verb::Keys), list(&["other"]));
    store.close();
}

#[test]
fn clearing_all_of_a_large_store_is_one_step() {
    let directory = tempfile::tempdir().unwrap();
    for prefix in ["", "p:"] {
        let store = Opened::new(with_prefix(directory.path(), prefix));
        for round in 0..3 {
            let set =
                |n| operation(Verb::SetEx, &[format!("{n}"), "99".to_owned(), "v".to_owned()]);
            let mut batch: Vec<Operation> = (0..1_500).map(set).collect();
            batch.push(operation::<&str>(Verb::Clear, &[]));
            batch.push(operation(Verb::Set, &["n", "1"]));
            batch.push(operation::<&str>(Verb::Size, &[]));
            assert_eq!(store.batch(batch).pop(), Some(Reply::Integer(1)), "round {round}");
            assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[("n", "1")]));
        }
        store.close();
        let store = Opened::new(with_prefix(directory.path(), prefix));
        assert_eq!(store.run(Verb::Last, &["9"]), pairs(&[("n", "1")]));
        assert_eq!(store.ask(Verb::Keys), list(&["n"]));
        assert_eq!(store.ask(Verb::Size), Reply::Integer(1));
        assert_eq!(store.ask(Verb::Clear), Reply::OK);
        store.close();
    }
}

#[test]
fn long_replies_and_keys_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(Options { max_reply: 100, ..options(directory.path()) });
    store.run(Verb::Set, &["a", &"x".repeat(101)]);
    store.run(Verb::Set, &["b", &"x".repeat(100)]);
    assert_eq!(store.run(Verb::Get, &["a"]), Reply::failed("reply longer than 100 bytes"));
    assert_eq!(store.run(Verb::Get, &["b"]), value("x".repeat(100)));
    assert_eq!(store.run(Verb::Last, &["1"]), Reply::failed("reply longer than 100 bytes"));
    let many = (0..20).map(|n| operation(Verb::Set, &[format!("key{n:02}"), "1".to_owned()]));
    store.batch(many.collect());
    assert_eq!(
        store.run(Verb::Keys, &["*"]),
        Reply::failed("reply longer than 100 bytes; use SCAN")
    );
    assert_eq!(store.run(Verb::Keys, &["a"]), list(&["a"]));
    let long = "k".repeat(70_000);
    assert_eq!(store.run(Verb::Get, &[&long]), Reply::Nil);
    assert_eq!(store.run(Verb::Del, &[&long]), Reply::Integer(0));
    let Reply::Error(error) = store.run(Verb::Set, &[&long, "1"]) else { panic!("an error") };
    assert_eq!(error.to_string(), "key longer than 65526 bytes");
    let longest = "k".repeat(65_526);
    assert_eq!(store.run(Verb::SetEx, &[&longest, "9", "1"]), Reply::OK);
    assert_eq!(store.run(Verb::Get, &[&longest]), value("1"));
    store.close();
}

#[test]
fn the_directory_is_private_and_of_one_process_only() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("state/db");
    let store = Opened::new(options(&directory));
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let error = Opened::try_new(options(&directory)).err().expect("it is open already");
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    store.close();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    Opened::new(options(&directory)).close();
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// The newest journal file.
fn journal(directory: &Path) -> std::path::PathBuf {
    let journals = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    journals.filter(|path| path.extension().is_some_and(|it| it == "jnl")).max().unwrap()
}

/// Length of a journal without the zeros that it was made with.
fn written_len(journal: &Path) -> u64 {
    let content = fs::read(journal).unwrap();
    content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

#[test]
fn a_journal_that_lost_its_tail_is_recovered() {
    for cut in [1, 7, 30, 200, 5_000] {
        let directory = tempfile::tempdir().unwrap();
        let store = Opened::new(options(directory.path()));
        for key in 0..100 {
            store.run(Verb::Set, &[format!("k{key:03}"), "v".repeat(100)]);
        }
        store.close();
        let journal = journal(directory.path());
        let len = written_len(&journal) - cut;
        fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(len).unwrap();
        let store = Opened::new(options(directory.path()));
        let Reply::Integer(size) = store.ask(Verb::Size) else { panic!("a number") };
        let Reply::List(keys) = store.ask(Verb::Keys) else { panic!("keys") };
        let Reply::Pairs(last) = store.run(Verb::Last, &["1000"]) else { panic!("pairs") };
        assert!((1..100).contains(&size), "{cut} bytes took {size}");
        assert_eq!(usize::try_from(size).unwrap(), keys.len());
        assert_eq!(last.len(), keys.len());
        assert_eq!(store.run(Verb::Set, &["again", "1"]), Reply::OK);
        store.close();
        let store = Opened::new(options(directory.path()));
        assert_eq!(store.ask(Verb::Size), Reply::Integer(size + 1));
        store.close();
    }
}

fn files_below(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// No file may be damaged in such a way that opening or reading panics or hangs.
#[test]
fn damaged_files_are_a_clear_error_or_harmless() {
    let home = tempfile::tempdir().unwrap();
    let original = home.path().join("db");
    let store = Opened::new(options(&original));
    for key in 0..350 {
        store.run(Verb::Set, &[format!("k{key:03}"), "v".repeat(50_000)]);
    }
    store.close();
    // Only zeros follow, which would be copied each time.
    let journal = journal(&original);
    let len = written_len(&journal);
    fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(len).unwrap();
    let mut damaged = 0;
    for file in files_below(&original) {
        for damage in ["overwritten", "cut", "removed"] {
            let copy = home.path().join("copy");
            copy_directory(&original, &copy);
            let target = copy.join(file.strip_prefix(&original).unwrap());
            match damage {
                "overwritten" => {
                    let mut content = fs::read(&target).unwrap();
                    let len = content.len().min(3_000_000);
                    content[..len].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
                    fs::write(&target, content).unwrap();
                }
                "cut" => {
                    let half = fs::metadata(&target).unwrap().len() / 2;
                    fs::OpenOptions::new()
                        .write(true)
                        .open(&target)
                        .unwrap()
                        .set_len(half)
                        .unwrap();
                }
                _ => fs::remove_file(&target).unwrap(),
            }
            match Opened::try_new(options(&copy)) {
                Ok(store) => {
                    store.run(Verb::Get, &["k001"]);
                    store.run(Verb::Set, &["k002", "x"]);
                    store.close();
                }
                Err(error) => {
                    damaged += 1;
                    let text = error.to_string();
                    assert!(text.contains("is damaged") && !text.contains('\n'), "{text}");
                }
            }
            fs::remove_dir_all(&copy).unwrap();
        }
    }
    assert!(damaged > 3, "only {damaged} damages were noticed");
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_directory(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn every_sync_mode_keeps_what_it_acknowledged_over_a_restart() {
    for sync in [Sync::Always, Sync::EverySecond, Sync::No] {
        let directory = tempfile::tempdir().unwrap();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        store.run(Verb::Set, &["a", "1"]);
        store.close();
        let store = Opened::new(Options { sync, ..options(directory.path()) });
        assert_eq!(store.run(Verb::Get, &["a"]), value("1"));
        store.close();
    }
}

/// More than memory takes, so that tables are written and merged in the background.
#[test]
fn more_data_than_the_memtables_hold_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let text = |n: u32| format!("{n}").repeat(2_000);
    for round in 0..60 {
        let sets = (0..100).map(|n| operation(Verb::Set, &[format!("k{n}"), text(round * n)]));
        assert!(store.batch(sets.collect()).iter().all(|reply| *reply == Reply::OK));
    }
    assert_eq!(store.ask(Verb::Size), Reply::Integer(100));
    assert_eq!(store.run(Verb::Get, &["k99"]), value(text(59 * 99)));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask(Verb::Size), Reply::Integer(100));
    assert_eq!(store.run(Verb::Get, &["k99"]), value(text(59 * 99)));
    store.close();
}

#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Operation>),
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "ab", "n", "n2"]).prop_map(str::to_owned)
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let text = prop::sample::select(vec!["", "0", "-7", "9223372036854775807", "x"]);
    let depth = prop::sample::select(vec!["1", "3", "1000"]);
    let glob = prop::sample::select(vec!["*", "a*", "?", "[n-z]*", ""]);
    prop_oneof![
        6 => (key(), text.clone()).prop_map(|(k, v)| operation(Verb::Set, &[&*k, v])),
        2 => (key(), text).prop_map(|(k, v)| operation(Verb::SetEx, &[&*k, "1000", v])),
        2 => prop::collection::vec(key(), 1..3).prop_map(|keys| operation(Verb::Del, &keys)),
        2 => key().prop_map(|k| operation(Verb::Incr, &[k])),
        2 => key().prop_map(|k| operation(Verb::Decr, &[k])),
        1 => key().prop_map(|k| operation(Verb::Expire, &[&*k, "-1"])),
        1 => key().prop_map(|k| operation(Verb::Persist, &[k])),
        3 => key().prop_map(|k| operation(Verb::Get, &[k])),
        1 => prop::collection::vec(key(), 1..3).prop_map(|keys| operation(Verb::Exists, &keys)),
        2 => depth.prop_map(|count| operation(Verb::Last, &[count])),
        1 => glob.prop_map(|pattern| operation(Verb::Keys, &[pattern])),
        1 => Just(operation::<&str>(Verb::Size, &[])),
        1 => Just(operation::<&str>(Verb::Clear, &[])),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(any_operation(), 1..6).prop_map(Step::Batch),
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
        match operation.verb {
            Verb::Set => self.set(&args[0], &args[1], false),
            Verb::SetEx => self.set(&args[0], &args[2], true),
            Verb::Del | Verb::Expire => {
                let keys = if operation.verb == Verb::Del { &args[..] } else { &args[..1] };
                let removed = keys.iter().filter(|key| self.remove(key)).count();
                Reply::Integer(i64::try_from(removed).unwrap())
            }
            Verb::Incr => self.add(&args[0], 1),
            Verb::Decr => self.add(&args[0], -1),
            Verb::Persist => {
                let found = self.data.get_mut(&args[0]);
                Reply::Integer(found.map_or(0, |it| i64::from(std::mem::take(&mut it.1))))
            }
            Verb::Get => {
                self.data.get(&args[0]).map_or(Reply::Nil, |it| Reply::Value(it.0.clone()))
            }
            Verb::Exists => {
                let found = args.iter().filter(|key| self.data.contains_key(*key)).count();
                Reply::Integer(i64::try_from(found).unwrap())
            }
            Verb::Last => {
                let count: usize = std::str::from_utf8(&args[0]).unwrap().parse().unwrap();
                let skipped = self.order.len().saturating_sub(count);
                let pair = |key: &Bytes| (key.clone(), self.data[key].0.clone());
                Reply::Pairs(self.order.iter().skip(skipped).map(pair).collect())
            }
            Verb::Keys => {
                let matching = |key: &&Bytes| match &args[0][..] {
                    b"*" => true,
                    b"a*" => key.starts_with(b"a"),
                    b"?" => key.len() == 1,
                    b"[n-z]*" => key.starts_with(b"n"),
                    _ => key.is_empty(),
                };
                Reply::List(self.data.keys().filter(matching).cloned().map(Some).collect())
            }
            Verb::Size => Reply::Integer(i64::try_from(self.data.len()).unwrap()),
            Verb::Clear => {
                *self = Model::default();
                Reply::OK
            }
            verb => unreachable!("{verb:?} is not generated"),
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
        let Ok(old) = std::str::from_utf8(&old).unwrap().parse::<i64>() else {
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
                Step::Reopen => {
                    store.close();
                    store = Opened::new(options(directory.path()));
                }
            }
        }
        store.close();
    }
}
