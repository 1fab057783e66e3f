use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fjall::{PersistMode, Readable, Slice};

use super::transaction::Transaction;
use crate::store::embedded::change::changes::Committed;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::format::layout::joined;
use crate::store::embedded::format::layout::{RecentForm, Record, State};
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::last::recent::Recent;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::types::editor::Edit;

fn begin(database: &Arc<Database>, depth: usize) -> Transaction {
    let shared = Arc::new(Shared::new(Duration::from_secs(60)));
    let scope = Scope::new(Bytes::new(), 0);
    Transaction::begin(Arc::clone(database), &scope, depth, false, shared).expect("begun")
}

fn record(value: &'static str) -> Record {
    Record { expires: None, value: Bytes::from_static(value.as_bytes()) }
}

/// The index of `last` as the database has it.
fn recent(database: &Database) -> Vec<String> {
    let form = database.state().expect("a state").recent;
    let get = |number: u32| Ok(database.recent.get(number.to_be_bytes())?);
    let recent = Recent::read(form, get).expect("well formed");
    recent.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
}

#[test]
fn a_store_of_the_form_before_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Arc::new(Database::open(directory.path()).expect("opened"));
    let mut batch = database.batch(0);
    for (slot, set, key) in [(0_u32, 9_u64, "ka"), (1, 4, "kb"), (3, 7, "kc")] {
        batch.insert(&database.data, key, record("old").encode());
        let entry = joined(&set.to_be_bytes(), key.as_bytes());
        batch.insert(&database.recent, slot.to_be_bytes(), entry);
    }
    let recent_form = RecentForm::Slots(4);
    let state = State { commit: 9, count: 3, recent: recent_form, ..State::default() };
    database.commit(batch, &state, PersistMode::Buffer).expect("committed");
    let mut transaction = begin(&database, 3);
    assert_eq!(recent(&database), ["kb", "kc", "ka"], "read as it is");
    assert_eq!(transaction.commit_number(), 9, "nothing had to be written");
    transaction.set(&Slice::from("kd"), record("new")).expect("set");
    transaction.commit(PersistMode::Buffer).expect("committed");
    assert_eq!(recent(&database), ["kc", "ka", "kd"]);
    let state = database.state().expect("a state");
    assert_eq!((state.count, state.commit, state.recent), (4, 10, RecentForm::Pages(1)));
    assert!((1..4_u32).all(|slot| database.recent.get(slot.to_be_bytes()).unwrap().is_none()));
    drop(transaction);
    assert_eq!(begin(&database, 2).commit_number(), 11, "what is too many is forgotten at once");
    assert_eq!(recent(&database), ["ka", "kd"]);
}

#[test]
fn what_is_known_of_a_key_is_what_was_committed_last() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Arc::new(Database::open(directory.path()).expect("opened"));
    let mut transaction = begin(&database, 3);
    let key = Slice::from("ka");
    let expires = |expires| Record { expires, ..record("1") };
    // As after the database is published: only then the cache keeps anything.
    transaction.shared.cache.end_change();
    for (round, after) in [
        Some(expires(None)),
        Some(expires(Some(u64::MAX))),
        Some(expires(Some(u64::MAX - 1))),
        None,
        Some(expires(Some(u64::MAX))),
        Some(expires(None)),
    ]
    .into_iter()
    .enumerate()
    {
        match after.clone() {
            Some(record) => transaction.put(&key, record).expect("put"),
            None => transaction.remove(&key).expect("removed"),
        }
        transaction.commit(PersistMode::Buffer).expect("committed");
        if round % 2 == 0 {
            transaction.end_change();
        }
        let committed = transaction.committed(&key).expect("readable");
        assert_eq!(committed != Committed::Absent, after.is_some(), "{round}");
        let expires = after.and_then(|record| record.expires);
        assert_eq!(committed.expires(), expires, "{round}");
        let index = database.snapshot().range::<&[u8], _>(&database.expiry, ..).count();
        assert_eq!(index, usize::from(expires.is_some()), "{round}");
        let count = u64::from(committed != Committed::Absent);
        assert_eq!(database.state().expect("a state").count, count, "{round}");
    }
}

#[test]
fn an_index_of_long_values_that_is_not_complete_becomes_so_beside_changes() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Database::open(directory.path()).expect("opened");
    let long = Record { expires: None, value: Bytes::from(vec![b'x'; 200_000]) };
    let keys = ["ka", "kb", "kc", "kd", "ke"].map(Slice::from);
    // As a program does that keeps no index.
    let mut batch = database.batch(0);
    for key in &keys {
        batch.insert(&database.data, key.clone(), long.encode());
    }
    let state = State { commit: 1, count: 5, ..State::default() };
    database.commit(batch, &state, PersistMode::Buffer).expect("committed");
    drop(database);
    let database = Arc::new(Database::open(directory.path()).expect("opened"));
    let indexed = || keys.clone().map(|key| database.long.may_have(&key));
    assert!(!database.long.is_complete() && indexed() == [true; 5]);
    let mut transaction = begin(&database, 3);
    let commit = |transaction: &mut Transaction| {
        transaction.commit(PersistMode::Buffer).expect("committed");
    };
    // Between the moment when they are found and the moment when they are entered.
    transaction.set(&keys[0], record("short")).expect("set");
    commit(&mut transaction);
    transaction.index(&keys[..4]).expect("entered");
    transaction.set(&keys[1], record("short")).expect("set");
    transaction.remove(&keys[2]).expect("removed");
    transaction.set(&keys[4], long).expect("set");
    commit(&mut transaction);
    assert!(!database.long.is_complete() && indexed() == [true; 5]);
    transaction.index(&[]).expect("complete");
    commit(&mut transaction);
    let expected = [false, false, false, true, true];
    assert!(database.long.is_complete());
    assert_eq!(indexed(), expected);
    for key in &keys[3..] {
        transaction.remove(key).expect("removed");
    }
    commit(&mut transaction);
    assert_eq!(indexed(), [false; 5]);
}
