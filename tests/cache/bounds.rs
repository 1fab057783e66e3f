//! What the near cache takes, and what the server can remember for it.

use crate::subject::{Subject, known};
use crate::support::daemon::Daemon;
use crate::support::relay::Fate;
use crate::support::valkey::Setup;

#[test]
fn it_takes_no_more_than_it_may() {
    let Some(subject) = Subject::plain() else { return };
    let mut client = subject.daemon.connect();
    let value = "x".repeat(500);
    for number in 0..5_000 {
        client.send(format!("set key{number} {value}\nget key{number}\n"));
        assert_eq!([client.line(), client.line()], ["OK", &value]);
        client.send(format!("get key{number}\n"));
        assert_eq!(client.line(), value);
        client.send(format!("get key{number}\n"));
        assert_eq!(client.line(), value);
    }
    let figures = subject.figures();
    assert!((500_000..=1024 * 1024).contains(&figures.bytes), "{figures:?}");
    assert!(figures.keys < 5_000, "{figures:?}");
    // A value of more than a sixteenth is asked for each time.
    let long = "y".repeat(70_000);
    assert_eq!(client.ask(&format!("set long {long}")), "OK");
    let before = subject.figures();
    for _ in 0..10 {
        assert_eq!(client.ask("get long"), long);
    }
    let now = subject.figures();
    assert_eq!((now.hits - before.hits, now.misses - before.misses), (0, 10));
}

/// The same in the settings of the test.
const CACHE: usize = 8 * 1024 * 1024;

#[test]
fn memory_is_bounded_by_the_size_that_was_set() {
    let settings = [("CACHE", "8MiB"), ("MAX_MEMORY", "16MiB")];
    let Some(subject) = Subject::start(Setup::default(), &settings, |_, _| Fate::Pass) else {
        return;
    };
    let mut client = subject.daemon.connect();
    let begin = subject.daemon.memory();
    for length in [20, 100, 1000] {
        let before = subject.daemon.memory();
        let value = "x".repeat(length);
        let count = 2 * CACHE / (length + 180);
        for first in (0..count).step_by(1000) {
            let numbers = first..first + 1000;
            let set = |number| format!("set {length}:{number:07} {value}\n");
            client.send(numbers.clone().map(set).collect::<String>());
            numbers.clone().for_each(|_| assert_eq!(client.line(), "OK"));
            for _ in 0..2 {
                let get = |number| format!("get {length}:{number:07}\n");
                client.send(numbers.clone().map(get).collect::<String>());
                numbers.clone().for_each(|_| assert_eq!(client.line(), value));
            }
        }
        let (figures, now) = (subject.figures(), subject.daemon.memory());
        println!(
            "values of {length} bytes: {} keys in {} bytes; the process has {now} bytes, before {before}",
            figures.keys, figures.bytes
        );
        assert!(figures.bytes <= CACHE, "{figures:?}");
        assert!(now < begin + 3 * CACHE, "{now} bytes after {begin}");
    }
}

#[test]
fn a_server_that_cannot_remember_all_keys_says_which_it_forgets() {
    let settings = vec![["tracking-table-max-keys", "100"]];
    let setup = Setup { settings, ..Setup::default() };
    let Some(subject) = Subject::start(setup, &[], |_, _| Fate::Pass) else { return };
    let mut client = subject.daemon.connect();
    for round in 0..5 {
        for number in 0..1000 {
            subject_set(&mut client, number, round);
        }
        for _ in 0..3 {
            for number in 0..1000 {
                assert_eq!(client.ask(&format!("get key{number}")), round.to_string());
            }
        }
        // At the server itself, all at once.
        let script = "for n = 0, 999 do redis.call('set', 'key' .. n, 'new') end";
        subject.valkey.command(&["EVAL", script, "0"]);
        assert_eq!(client.ask("pingdb"), "PONG");
        for number in 0..1000 {
            assert_eq!(client.ask(&format!("get key{number}")), "new", "key{number}");
        }
    }
    assert!(subject.figures().hits > 0, "{:?}", subject.figures());
}

fn subject_set(client: &mut crate::support::wire::client::Client, number: usize, value: usize) {
    assert_eq!(client.ask(&format!("set key{number} {value}")), "OK");
}

#[test]
fn a_server_that_may_not_say_what_changes_is_asked_each_time() {
    for rights in ["-client|tracking", "-client|caching"] {
        let Some(subject) = Subject::plain() else { return };
        subject.valkey.command(&["ACL", "SETUSER", "default", rights]);
        subject.relay.cut();
        let mut client = subject.daemon.connect();
        assert_eq!(client.ask("set k old"), "OK");
        for _ in 0..5 {
            assert_eq!(client.ask("get k"), "old", "{rights}");
        }
        subject.outside("SET k new");
        assert_eq!(client.ask("get k"), "new", "{rights}");
        assert_eq!(subject.figures().hits, 0, "{rights}");
    }
}

#[test]
fn a_server_that_does_not_tell_expiries_is_asked_each_time() {
    let settings = vec![["user", "default on nopass ~* &* +@all -pttl"]];
    let setup = Setup { settings, ..Setup::default() };
    let Some(subject) = Subject::start(setup, &[], |_, _| Fate::Pass) else { return };
    let mut client = subject.daemon.connect();
    assert_eq!(client.ask("set k v"), "OK");
    for _ in 0..3 {
        assert_eq!(client.ask("get k"), "v");
    }
    assert_eq!(subject.figures().hits, 0);
}

#[test]
fn replies_past_the_bound_on_memory_are_given_from_the_cache_too() {
    let settings = [("CACHE", "32MiB"), ("MAX_MEMORY", "16MiB"), ("MAX_REPLY", "1MiB")];
    let Some(subject) = Subject::start(Setup::default(), &settings, |_, _| Fate::Pass) else {
        return;
    };
    let mut client = subject.daemon.connect();
    let value = "z".repeat(900_000);
    assert_eq!(client.ask(&format!("set k {value}")), "OK");
    assert_eq!(known(&subject, &mut client, "k"), value);
    let hits = subject.figures().hits;
    let asking = subject.daemon.connect();
    let mut writer = asking.0.get_ref().try_clone().expect("a descriptor");
    let asker = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, "get k\n".repeat(200).as_bytes())
    });
    let mut reader = asking;
    for _ in 0..200 {
        assert_eq!(reader.line(), value);
    }
    asker.join().expect("it ends").expect("all is read");
    assert!(subject.figures().hits > hits + 100, "{:?}", subject.figures());
}

#[test]
fn the_embedded_store_has_no_use_for_it_and_starts_all_the_same() {
    let daemon = Daemon::start(&[("CACHE", "1MiB")]);
    assert_eq!(daemon.ask("set k v"), "OK");
    assert_eq!(daemon.ask("get k"), "v");
    assert!(daemon.ask("status json").contains("\"cache\":null"));
    assert!(!daemon.ask("status").contains("Cache"));
}
