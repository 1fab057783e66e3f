use std::sync::Arc;

use bytes::Bytes;
use fjall::Slice;

use super::known::{Known, LONGEST, LONGEST_WRITTEN, SIZE};
use super::records::{CHUNK, Cache};
use crate::store::embedded::change::changes::{Change, Changes, Committed};
use crate::store::embedded::format::layout::Record;

fn record(value: &'static str) -> Record {
    Record { expires: Some(7), value: Bytes::from_static(value.as_bytes()) }
}

fn present(value: &'static str) -> Known {
    Known::Present(record(value))
}

/// One that can be read, with nothing in it.
fn cache() -> Cache {
    let cache = Cache::new();
    cache.end_change();
    cache
}

/// Of each key the record that it gets, or none.
fn changes(changes: &[(&str, Option<Record>)]) -> Arc<Changes> {
    let change =
        |after: &Option<Record>| Change { before: Committed::Absent, after: after.clone() };
    Arc::new(changes.iter().map(|(key, after)| (Slice::from(*key), change(after))).collect())
}

#[test]
fn what_was_read_is_found_and_so_is_what_is_absent() {
    let cache = cache();
    let epoch = cache.epoch();
    assert_eq!(cache.get(b"a", epoch), None);
    cache.put(b"a", epoch, Some(&record("1")));
    cache.put(b"b", epoch, None);
    assert_eq!(cache.get(b"a", epoch), Some(present("1")));
    assert_eq!(cache.get(b"b", epoch), Some(Known::Absent));
    assert_eq!(cache.look().get(b"a"), Some(&present("1")));
    assert_eq!(cache.look().get(b"b"), Some(&Known::Absent));
    assert_eq!(cache.look().get(b"c"), None);
}

#[test]
fn what_was_read_before_a_change_began_or_ended_does_not_come_in() {
    let cache = cache();
    let before = cache.epoch();
    cache.begin_change(changes(&[("a", None)]));
    cache.put(b"a", before, Some(&record("old")));
    cache.put(b"b", before, Some(&record("old")));
    let meanwhile = cache.epoch();
    cache.put(b"a", meanwhile, Some(&record("old")));
    assert_eq!(cache.look().get(b"a"), None);
    assert_eq!(cache.look().get(b"b"), None);
    cache.end_change();
    for epoch in [before, meanwhile] {
        cache.put(b"a", epoch, Some(&record("old")));
        assert_eq!(cache.look().get(b"a"), None, "{epoch:?}");
    }
    cache.put(b"a", cache.epoch(), Some(&record("new")));
    assert_eq!(cache.look().get(b"a"), Some(&present("new")));
}

#[test]
fn a_change_hides_its_keys_and_lets_others_in() {
    let cache = cache();
    let before = cache.epoch();
    for key in ["a", "b", "c"] {
        cache.put(key.as_bytes(), before, Some(&record("1")));
    }
    cache.begin_change(changes(&[("a", Some(record("2"))), ("c", None), ("e", None)]));
    for (key, found) in [(&b"a"[..], false), (b"b", true), (b"c", false)] {
        assert_eq!(cache.look().get(key).is_some(), found);
    }
    let meanwhile = cache.epoch();
    cache.put(b"d", meanwhile, Some(&record("1")));
    assert!(cache.look().get(b"d").is_some());
    assert_eq!(cache.get(b"b", before), None, "perhaps not what an older snapshot has");
    assert!(cache.get(b"b", meanwhile).is_some());
    cache.end_change();
    let after = cache.epoch();
    assert_eq!(cache.get(b"a", after), Some(present("2")));
    assert_eq!(cache.get(b"b", after), Some(present("1")));
    assert_eq!(cache.get(b"c", after), Some(Known::Absent));
    assert_eq!(cache.get(b"e", after), None, "nobody has asked for it");
    assert_eq!(cache.get(b"a", meanwhile), None, "not what an older snapshot has");
}

#[test]
fn a_change_that_never_ends_is_never_found() {
    let cache = cache();
    cache.put(b"a", cache.epoch(), Some(&record("1")));
    cache.begin_change(changes(&[("a", Some(record("2"))), ("b", Some(record("2")))]));
    cache.begin_change_of_all();
    cache.end_change();
    assert_eq!(cache.look().get(b"a"), None);
    assert_eq!(cache.look().get(b"b"), None);
}

#[test]
fn while_everything_changes_nothing_is_there_and_nothing_comes_in() {
    let cache = cache();
    cache.put(b"a", cache.epoch(), Some(&record("1")));
    cache.begin_change_of_all();
    let meanwhile = cache.epoch();
    cache.put(b"b", meanwhile, Some(&record("1")));
    cache.end_change();
    cache.put(b"c", meanwhile, Some(&record("1")));
    for key in [b"a", b"b", b"c"] {
        assert_eq!(cache.look().get(key), None);
    }
    let fresh = Cache::new();
    fresh.put(b"a", fresh.epoch(), None);
    assert_eq!(fresh.look().get(b"a"), None, "there is no database yet");
}

#[test]
fn a_change_of_many_keys_hides_and_brings_in_all_of_them() {
    let cache = cache();
    let many: Vec<String> = (0..=3 * CHUNK).map(|n| format!("{n:05}")).collect();
    for key in &many {
        cache.put(key.as_bytes(), cache.epoch(), None);
    }
    let all: Vec<_> = many.iter().map(|key| (&key[..], Some(record("1")))).collect();
    cache.begin_change(changes(&all));
    let found = |key: &String| cache.look().get(key.as_bytes()).cloned();
    assert!(many.iter().all(|key| found(key).is_none()));
    cache.end_change();
    assert!(many.iter().all(|key| found(key) == Some(present("1"))));
}

#[test]
fn of_a_value_that_was_written_nothing_or_its_length_is_known_until_it_is_read() {
    let cache = cache();
    cache.put(b"a", cache.epoch(), Some(&record("1")));
    let value = Bytes::from(vec![b'x'; LONGEST_WRITTEN + 1]);
    let long = Record { expires: None, value };
    cache.begin_change(changes(&[("a", Some(long.clone())), ("b", Some(long))]));
    cache.end_change();
    assert_eq!(cache.look().get(b"a"), None);
    assert_eq!(cache.look().get(b"b"), None);
    let long = Record { expires: None, value: Bytes::from(vec![b'x'; LONGEST + 1]) };
    cache.begin_change(changes(&[("a", Some(long))]));
    cache.end_change();
    assert_eq!(
        cache.look().get(b"a"),
        Some(&Known::Long { expires: None }),
        "read beside the serving thread"
    );
}

#[test]
fn it_is_bounded_and_of_long_values_it_knows_that_they_are_long() {
    let cache = cache();
    let value = Bytes::from(vec![b'x'; 64 * 1024]);
    let record = Record { expires: None, value };
    for number in 0..2 * SIZE / record.value.len() {
        cache.put(number.to_string().as_bytes(), cache.epoch(), Some(&record));
    }
    let state = cache.state();
    assert!(state.known.len() > SIZE / record.value.len() / 2, "{}", state.known.len());
    assert!(state.known.weight() <= SIZE as u64, "{}", state.known.weight());
    drop(state);
    let record = Record { expires: None, value: Bytes::from(vec![b'x'; LONGEST + 1]) };
    cache.put(b"long", cache.epoch(), Some(&record));
    assert_eq!(cache.look().get(b"long"), Some(&Known::Long { expires: None }));
}
