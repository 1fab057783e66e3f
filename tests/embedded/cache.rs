//! Records that are kept in memory once they were read: nobody can tell, but by the time it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Operation, Options, Store, Sync};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Opened, operation, options, value, wait_until};

const KEYS: usize = 24;
/// Keys that are only ever set together, to the same number.
const TWINS: [&str; 2] = ["twin 1", "twin 2"];

/// What is known of the numbers in the store: each key's only grows.
struct Race {
    store: Store,
    /// The greatest number that anybody was told of each key.
    told: Vec<AtomicU64>,
    twins: AtomicU64,
    is_over: AtomicBool,
    answers: AtomicU64,
}

fn number(found: Option<&Bytes>) -> u64 {
    let text = |value: &Bytes| std::str::from_utf8(value).unwrap().parse().unwrap();
    found.map_or(0, text)
}

fn number_of(reply: Reply) -> u64 {
    match reply {
        Reply::Value(value) => number(Some(&value)),
        Reply::Nil => 0,
        Reply::Integer(number) => u64::try_from(number).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn key(number: usize) -> String {
    format!("k{number}")
}

impl Race {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn any_key(rng: &mut StdRng) -> usize {
        let few = rng.random_bool(0.7);
        rng.random_range(0..if few { 3 } else { KEYS })
    }

    /// One batch of GETs, and of other reads, which see no older data than what came before.
    async fn read(&self, rng: &mut StdRng) {
        let count = rng.random_range(1..=8);
        let asked: Vec<(usize, bool)> =
            (0..count).map(|_| (Race::any_key(rng), rng.random_bool(0.8))).collect();
        let mut floors: Vec<u64> =
            self.told.iter().map(|told| told.load(Ordering::SeqCst)).collect();
        let one = |(number, is_get): &(usize, bool)| {
            operation(if *is_get { "GET" } else { "MGET" }, &[key(*number)])
        };
        let replies = self.store.execute(asked.iter().map(one).collect()).await;
        for ((number, is_get), reply) in asked.into_iter().zip(replies) {
            let found = match reply {
                Reply::List(values) => self::number(values[0].as_ref()),
                reply => number_of(reply),
            };
            assert!(found >= floors[number], "k{number} is {found}, get: {is_get}, {floors:?}");
            floors[number] = found;
            self.told[number].fetch_max(found, Ordering::SeqCst);
        }
        self.answers.fetch_add(count, Ordering::Relaxed);
    }

    /// Keys that are set together are never seen apart, and in a batch never the wrong way round.
    async fn read_twins(&self, rng: &mut StdRng) {
        let floor = self.twins.load(Ordering::SeqCst);
        let [one, other] = if rng.random() { TWINS } else { [TWINS[1], TWINS[0]] };
        let mut batch = vec![operation("GET", &[one]), operation("GET", &[other])];
        batch.insert(rng.random_range(0..=2), operation("MGET", &TWINS));
        let mut last = floor;
        for reply in self.store.execute(batch).await {
            let found = match reply {
                Reply::List(values) => {
                    assert_eq!(values[0], values[1]);
                    number(values[0].as_ref())
                }
                reply => number_of(reply),
            };
            assert!(found >= last, "{found} after {last}");
            last = found;
        }
        self.twins.fetch_max(last, Ordering::SeqCst);
    }

    async fn write(&self, rng: &mut StdRng) {
        let number = Race::any_key(rng);
        let floor = self.told[number].load(Ordering::SeqCst);
        let incr = operation("INCR", &[key(number)]);
        let found = if rng.random_bool(0.5) {
            number_of(self.store.execute(vec![incr]).await.remove(0))
        } else {
            let get = operation("GET", &[key(number)]);
            let Reply::Array(replies) = self.store.transact(None, vec![get, incr]).await else {
                panic!("it took place")
            };
            let [before, after] = replies.try_into().unwrap();
            let after = number_of(after);
            assert_eq!(number_of(before) + 1, after);
            after
        };
        assert!(found > floor, "k{number} is {found} after {floor}");
        self.told[number].fetch_max(found, Ordering::SeqCst);
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    fn writes(&self) -> u64 {
        self.told.iter().map(|told| told.load(Ordering::Relaxed)).sum()
    }

    async fn write_twins(&self) {
        let next = (self.twins.load(Ordering::SeqCst) + 1).to_string();
        let pairs = [TWINS[0], &next, TWINS[1], &next];
        let reply = self.store.execute(vec![operation("MSET", &pairs)]).await;
        assert_eq!(reply, [Reply::OK]);
        self.twins.fetch_max(next.parse().unwrap(), Ordering::SeqCst);
    }
}

fn race(sync: Sync) {
    let directory = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let seconds = std::env::var("KVSOCK_TEST_SECONDS").map_or(2, |text| text.parse().unwrap());
    runtime.block_on(async {
        let store = Store::open(Options { sync, ..options(directory.path()) }).unwrap();
        let told = std::iter::repeat_with(AtomicU64::default).take(KEYS).collect();
        let (twins, is_over, answers) = Default::default();
        let race = Arc::new(Race { store, told, twins, is_over, answers });
        let tasks: Vec<_> = (0..8_u64)
            .map(|task| {
                let race = Arc::clone(&race);
                let mut rng = StdRng::seed_from_u64(task);
                tokio::spawn(async move {
                    while race.goes_on() {
                        match task {
                            0..3 => race.read(&mut rng).await,
                            3..5 => race.read_twins(&mut rng).await,
                            5..7 => race.write(&mut rng).await,
                            _ => race.write_twins().await,
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        // A busy machine may take longer for what is worth a look.
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end && !(race.answers() > 100 && race.writes() > 100) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        race.is_over.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.unwrap();
        }
        let (answers, writes) = (race.answers(), race.writes());
        println!("{sync:?}: {answers} answers beside {writes} writes");
        assert!(answers > 100 && writes > 100);
        race.store.close(Duration::from_secs(20)).await;
    });
}

#[test]
fn readers_beside_writers_see_no_older_value_than_anybody_was_told_of() {
    race(Sync::No);
}

#[test]
fn nor_do_they_while_the_disk_syncs() {
    race(Sync::Always);
}

#[test]
fn what_was_cleared_is_gone_for_all_who_read_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(Store::open(options(directory.path())).unwrap());
        let cleared = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (store, cleared) = (Arc::clone(&store), Arc::clone(&cleared));
                tokio::spawn(async move {
                    let mut found = 0_u64;
                    loop {
                        let floor = cleared.load(Ordering::SeqCst);
                        if floor == u64::MAX {
                            return found;
                        }
                        for reply in store.execute(vec![operation("GET", &["k1"]); 3]).await {
                            let number = number_of(reply);
                            assert!(number == 0 || number > floor, "{number} is cleared");
                            found += u64::from(number != 0);
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        let other = |n: usize| operation("SET", &[format!("x{n}"), "1".to_owned()]);
        for round in 1..=40_u64 {
            // Few keys are removed one by one, many by new tables.
            let others = if round % 4 == 0 { 1_500 } else { 3 };
            store.execute((0..others).map(other).collect::<Vec<Operation>>()).await;
            let set = operation("SET", &["k1".to_owned(), round.to_string()]);
            assert_eq!(store.execute(vec![set]).await, [Reply::OK]);
            let get = store.execute(vec![operation("GET", &["k1"])]).await;
            assert_eq!(get, [value(round.to_string())]);
            let clear = operation::<&str>("FLUSHDB", &[]);
            assert_eq!(store.execute(vec![clear]).await, [Reply::OK]);
            cleared.store(round, Ordering::SeqCst);
        }
        cleared.store(u64::MAX, Ordering::SeqCst);
        let mut found = 0;
        for reader in readers {
            found += reader.await.unwrap();
        }
        assert!(found > 0, "they read beside it");
        store.close(Duration::from_secs(20)).await;
    });
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

#[test]
fn a_value_that_was_read_expires_when_it_must() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let begun = Instant::now();
    for (key, time) in
        [("short", "2000"), ("longer", "2000"), ("kept", "2000"), ("removed", "60000")]
    {
        assert_eq!(store.run("PSETEX", &[key, time, "1"]), Reply::OK);
        assert_eq!(store.run("GET", &[key]), value("1"));
    }
    let Reply::Integer(end) = store.run("PEXPIRETIME", &["short"]) else { panic!("a time") };
    let end = u128::try_from(end).unwrap();
    assert_eq!(store.run("PEXPIRE", &["longer", "60000"]), Reply::Integer(1));
    assert_eq!(store.run("PERSIST", &["kept"]), Reply::Integer(1));
    assert_eq!(store.run("PEXPIRE", &["removed", "-1"]), Reply::Integer(1));
    for (key, expected) in [("longer", value("1")), ("kept", value("1")), ("removed", Reply::Nil)] {
        assert_eq!(store.run("GET", &[key]), expected, "{key}");
    }
    let mut is_over = false;
    while !is_over {
        is_over = now() >= end;
        let reply = store.run("GET", &["short"]);
        if is_over || now() < end {
            let expected = if is_over { Reply::Nil } else { value("1") };
            assert_eq!(reply, expected, "after {:?}", begun.elapsed());
        }
    }
    // Swept, it is absent, and then set anew.
    wait_until(|| store.ask("DBSIZE") == Reply::Integer(2));
    assert_eq!(store.run("GET", &["short"]), Reply::Nil);
    assert_eq!(store.run("SETNX", &["short", "2"]), Reply::Integer(1));
    for (key, expected) in [("short", "2"), ("longer", "1"), ("kept", "1")] {
        assert_eq!(store.run("GET", &[key]), value(expected), "{key}");
    }
    store.close();
}

#[test]
fn every_way_to_change_a_key_shows_in_what_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let read = || {
        let get = |key| operation("GET", &[key]);
        store.batch(vec![get("a"), get("b")])
    };
    for (name, args, a, b) in [
        ("SET", &["a", "1"][..], Some("1"), None),
        ("APPEND", &["a", "2"], Some("12"), None),
        ("SETRANGE", &["a", "0", "3"], Some("32"), None),
        ("INCR", &["a"], Some("33"), None),
        ("COPY", &["a", "b"], Some("33"), Some("33")),
        ("GETSET", &["a", "4"], Some("4"), Some("33")),
        ("RENAME", &["a", "b"], None, Some("4")),
        ("RENAMENX", &["b", "a"], Some("4"), None),
        ("MSET", &["a", "5", "b", "6"], Some("5"), Some("6")),
        ("GETDEL", &["a"], None, Some("6")),
        ("MSETNX", &["a", "7", "b", "8"], None, Some("6")),
        ("DEL", &["a", "b"], None, None),
        ("MSETNX", &["a", "7", "b", "8"], Some("7"), Some("8")),
        ("SETBIT", &["a", "7", "0"], Some("6"), Some("8")),
        ("GETEX", &["a", "PXAT", "1"], None, Some("8")),
        ("FLUSHDB", &[], None, None),
    ] {
        read();
        store.run(name, args);
        let expected = [a, b].map(|it| it.map_or(Reply::Nil, value));
        assert_eq!(read(), expected, "{name} {args:?}");
        assert_eq!(read(), expected, "{name} {args:?}, once more");
    }
    store.close();
}

#[test]
fn long_values_are_read_as_short_ones_are() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let long = "x".repeat(2 * 1024 * 1024);
    let expected = |long: &str| {
        let list =
            Reply::List(vec![Some("1".into()), Some(Bytes::copy_from_slice(long.as_bytes()))]);
        [value("1"), value(long), list, value("1")]
    };
    for text in [&long[..], "short", &long[1..]] {
        store.run("MSET", &["short", "1", "long", text]);
        for _ in 0..3 {
            let batch = [&["short"][..], &["long"], &["short", "long"], &["short"]];
            let name = |keys: &[&str]| if keys.len() == 1 { "GET" } else { "MGET" };
            let replies = store.batch(batch.map(|keys| operation(name(keys), keys)).into());
            assert!(replies == expected(text), "{}", text.len());
            let strlen = store.run("STRLEN", &["long"]);
            assert_eq!(strlen, Reply::Integer(i64::try_from(text.len()).unwrap()));
        }
    }
    store.close();
}
