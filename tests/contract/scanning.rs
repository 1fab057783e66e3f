//! Keys found a few at a time, or one at random.

use std::collections::BTreeSet;

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::Operation;

use crate::engine::{Opened, Subject, error, operation, value};

async fn fill(store: &Opened, count: usize) -> BTreeSet<Bytes> {
    let names: Vec<String> = (0..count).map(|number| format!("key{number}")).collect();
    let sets: Vec<Operation> =
        names.iter().map(|name| operation("SET", &[name.as_bytes(), b"x"])).collect();
    assert!(store.0.execute(sets).await.iter().all(|reply| *reply == Reply::OK));
    names.into_iter().map(Bytes::from).collect()
}

/// One call: the next cursor, and the keys.
async fn scan(store: &Opened, cursor: &Bytes, options: &[&str]) -> (Bytes, Vec<Bytes>) {
    let options = options.iter().map(|option| option.as_bytes());
    let args: Vec<&[u8]> = std::iter::once(&cursor[..]).chain(options).collect();
    let reply = store.one("SCAN", &args).await;
    let Reply::Array(parts) = &reply else { panic!("{reply:?}") };
    let [Reply::Value(next), Reply::List(keys)] = &parts[..] else { panic!("{reply:?}") };
    (next.clone(), keys.iter().flatten().cloned().collect())
}

/// All calls of one iteration, with what is done after each.
async fn scan_all(
    store: &Opened,
    options: &[&str],
    mut between: impl AsyncFnMut(usize),
) -> Vec<Bytes> {
    let (mut cursor, mut found) = (Bytes::from_static(b"0"), Vec::new());
    for round in 0.. {
        let (next, keys) = scan(store, &cursor, options).await;
        found.extend(keys);
        if next == "0" {
            break;
        }
        cursor = next;
        between(round).await;
    }
    found
}

pub(crate) async fn an_iteration_finds_every_key(subject: &Subject) {
    let store = subject.open();
    assert!(scan_all(&store, &[], async |_| ()).await.is_empty());
    let all = fill(&store, 500).await;
    for options in [&[][..], &["COUNT", "7"], &["COUNT", "10000"]] {
        let found = scan_all(&store, options, async |_| ()).await;
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all, "{options:?}");
    }
}

pub(crate) async fn an_iteration_is_not_disturbed_by_changes(subject: &Subject) {
    let store = subject.open();
    let stays = fill(&store, 100).await;
    for number in 0..100 {
        store.set(format!("goes{number}"), "x").await;
    }
    let found = scan_all(&store, &["COUNT", "5"], async |round| {
        let key = format!("goes{}", round % 100);
        store.one("DEL", &[key.as_bytes()]).await;
        store.set(format!("comes{}", round % 100), "x").await;
    })
    .await;
    let found: BTreeSet<Bytes> = found.into_iter().collect();
    assert!(found.is_superset(&stays));
}

pub(crate) async fn an_iteration_chooses_keys(subject: &Subject) {
    let store = subject.open();
    fill(&store, 120).await;
    let found = scan_all(&store, &["MATCH", "key11?"], async |_| ()).await;
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 10);
    assert!(scan_all(&store, &["TYPE", "hash"], async |_| ()).await.is_empty());
    let found = scan_all(&store, &["TYPE", "STRING", "count", "50"], async |_| ()).await;
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 120);
}

pub(crate) async fn the_index_is_not_found_by_scanning(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    // Writes the index.
    store.one("LAST", &[b"1"]).await;
    assert_eq!(scan_all(&store, &[], async |_| ()).await, ["a"]);
    assert_eq!(store.one("RANDOMKEY", &[]).await, value("a"));
}

pub(crate) async fn what_is_no_cursor_or_option_is_refused(subject: &Subject) {
    let store = subject.open();
    let steps: &[(&str, &[&str], Reply)] = &[
        ("SCAN", &["abc", "FOO"], error("invalid cursor")),
        ("SCAN", &["-1"], error("invalid cursor")),
        ("SCAN", &["18446744073709551616"], error("invalid cursor")),
        ("SCAN", &["0", "FOO"], error("syntax error")),
        ("SCAN", &["0", "MATCH"], error("syntax error")),
        ("SCAN", &["0", "COUNT", "0"], error("syntax error")),
        ("SCAN", &["0", "COUNT", "x"], error("value is not an integer or out of range")),
        ("SCAN", &["0", "TYPE", "foo"], error("unknown type name 'foo'")),
    ];
    store.expect(steps).await;
}

pub(crate) async fn a_random_key_is_one_that_is_there(subject: &Subject) {
    let store = subject.open();
    assert_eq!(store.one("RANDOMKEY", &[]).await, Reply::Nil);
    let all = fill(&store, 20).await;
    let mut found = BTreeSet::new();
    for _ in 0..100 {
        let Reply::Value(key) = store.one("RANDOMKEY", &[]).await else { panic!("a key") };
        found.insert(key);
    }
    assert!(found.is_subset(&all));
    assert!(found.len() > 1, "always {found:?}");
}
