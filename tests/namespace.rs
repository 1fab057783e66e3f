//! Key spaces of users: several real users try to reach each other's keys, over each store.

mod support;

use support::daemon::Daemon;
use support::valkey::Setup;

const ANN: u32 = 1234;
const BOB: u32 = 1235;
/// What the kernel shows of users that it cannot name.
const NOBODY: u32 = 65534;

/// Runs a check on each store, with and without a prefix.
fn on_each_store(check: impl Fn(&Daemon)) {
    let run = |settings: &[(&str, &str)]| {
        let settings = [settings, &[("NAMESPACE", "user")]].concat();
        let daemon = Daemon::start(&settings);
        if daemon.open_to_other_users() {
            check(&daemon);
        }
    };
    run(&[]);
    run(&[("KEY_PREFIX", "p:")]);
    for prefix in ["", "kv[*:"] {
        let Some(valkey) = Setup::default().start() else { return };
        run(&[("STORE", &valkey.url()), ("KEY_PREFIX", prefix)]);
    }
}

/// Asks line by line in one pipeline; compares each reply.
#[track_caller]
fn expect(daemon: &Daemon, uid: u32, dialogue: &[(&str, &str)]) {
    let lines: Vec<&str> = dialogue.iter().map(|(request, _)| *request).collect();
    let replies = daemon.ask_as(uid, &(lines.join("\n") + "\n"));
    let replies: Vec<&str> = replies.lines().collect();
    let expected: Vec<&str> = dialogue.iter().map(|(_, reply)| *reply).collect();
    assert_eq!(replies, expected, "user {uid}: {lines:?}");
}

#[test]
fn two_users_who_set_the_same_key_each_get_their_own_value_back() {
    on_each_store(|daemon| {
        expect(daemon, ANN, &[("set motd ann", "OK"), ("get motd", "ann")]);
        expect(daemon, BOB, &[("get motd", "(nil)"), ("set motd bob", "OK"), ("get motd", "bob")]);
        expect(daemon, ANN, &[("get motd", "ann"), ("dbsize", "1"), ("last 5", "motd:ann")]);
        assert_eq!(daemon.ask("get motd"), "(nil)", "root has a key space of its own, too");
    });
}

#[test]
fn no_name_and_no_pattern_reaches_anothers_keys() {
    on_each_store(|daemon| {
        expect(daemon, ANN, &[("set secret 1", "OK"), ("set u1235:x 2", "OK")]);
        let refused = "ERROR: key is reserved for kvsock";
        expect(
            daemon,
            BOB,
            &[
                ("keys", ""),
                ("keys *", ""),
                ("keys **secret", ""),
                ("keys u1234:*", ""),
                ("keys [pu]*", ""),
                ("keys \"[\"", ""),
                ("keys \\*", ""),
                ("get secret", "(nil)"),
                ("get u1234:secret", "(nil)"),
                ("get \":secret\"", "(nil)"),
                ("get \"\"", "(nil)"),
                ("mget secret u1234:secret", "(nil) (nil)"),
                ("exists secret u1234:secret", "0"),
                ("remove secret u1234:secret", "0"),
                ("unlink u1234:secret", "0"),
                ("rename u1234:secret mine", "ERROR: no such key"),
                ("copy u1234:secret mine", "0"),
                ("type u1234:secret", "none"),
                ("ttl u1234:secret", "-2"),
                ("touch u1234:secret secret", "0"),
                ("getdel secret", "(nil)"),
                ("get \"\\x00u1234:secret\"", "(nil)"),
                ("object encoding secret", "(nil)"),
                ("memory usage u1234:secret", "(nil)"),
                ("restore mine 0 x", "ERROR: \"restore\" command is for administrators."),
                ("select 1", "ERROR: DB index is out of range"),
                ("lcs u1234:secret secret", "\"\""),
                ("randomkey", "(nil)"),
                ("scan 0", "0 (0)"),
                ("scan 0 match *", "0 (0)"),
                ("scan 0 match u1234:* count 1000", "0 (0)"),
                ("last 100", ""),
                ("dbsize", "0"),
                ("get \"\\x00kvsock:last\"", refused),
                ("get \"u1234:\\x00kvsock:last\"", refused),
                ("set u1234:secret bobs", "OK"),
                ("incr u1234:n", "1"),
                ("multi", "OK"),
                ("get secret", "QUEUED"),
                ("get u1234:secret", "QUEUED"),
                ("exec", "(nil) bobs"),
                ("keys", "u1234:n u1234:secret"),
                ("x", "ERROR: unknown command \"x\"; try \"help\"."),
            ],
        );
        expect(daemon, ANN, &[("keys", "secret u1235:x"), ("get secret", "1"), ("dbsize", "2")]);
    });
}

#[test]
fn clearing_removes_ones_own_keys_only_by_every_spelling() {
    on_each_store(|daemon| {
        for clear in ["cleardb", "flushdb", "FLUSHALL", "flushall async"] {
            expect(daemon, ANN, &[("set a 1", "OK")]);
            expect(daemon, BOB, &[("set b 1", "OK"), (clear, "OK"), ("dbsize", "0")]);
            expect(daemon, ANN, &[("get a", "1"), ("last 1", "a:1")]);
        }
        let resp = "*1\r\n$8\r\nFLUSHALL\r\n";
        assert_eq!(daemon.ask_as(BOB, resp), "+OK\r\n");
        expect(daemon, ANN, &[("get a", "1")]);
        assert_eq!(daemon.ask("cleardb"), "OK", "root clears its own");
        expect(daemon, ANN, &[("get a", "1")]);
    });
}

#[test]
fn anothers_keys_are_an_administrators_to_see_and_to_clear() {
    on_each_store(|daemon| {
        expect(daemon, ANN, &[("set a 1", "OK")]);
        expect(
            daemon,
            BOB,
            &[
                ("set b 2", "OK"),
                ("cleardb --user 1234", "ERROR: \"cleardb --user\" command is for administrators."),
                ("keyspace all", "ERROR: \"keyspace\" command is for administrators."),
                ("keyspace user 1234", "ERROR: \"keyspace\" command is for administrators."),
                ("save", "ERROR: \"save\" command is for administrators."),
                ("shutdown", "ERROR: \"shutdown\" command is for administrators."),
            ],
        );
        let mut root = daemon.connect();
        assert_eq!(root.ask("keyspace user 1234"), "OK");
        assert_eq!(root.ask("get a"), "1");
        assert_eq!(root.ask("keyspace all"), "OK");
        assert_eq!(root.ask("keys"), "u1234:a u1235:b");
        assert_eq!(root.ask("reset"), "RESET");
        assert_eq!(root.ask("keys"), "");
        assert_eq!(root.ask("keyspace all"), "OK");
        assert_eq!(root.ask("keyspace own"), "OK");
        assert_eq!(root.ask("keys"), "");
        assert_eq!(root.ask("cleardb --user 1234"), "OK");
        assert_eq!(root.ask("cleardb --user ann"), "ERROR: a user is named by its uid, a number");
        expect(daemon, ANN, &[("dbsize", "0"), ("last 1", "")]);
        expect(daemon, BOB, &[("get b", "2")]);
    });
}

#[test]
fn a_change_of_ones_own_key_breaks_no_others_watch() {
    on_each_store(|daemon| {
        let mut root = daemon.connect();
        assert_eq!(root.ask("watch k"), "OK");
        expect(daemon, ANN, &[("set k 1", "OK"), ("cleardb", "OK")]);
        assert_eq!(root.ask("multi"), "OK");
        assert_eq!(root.ask("ping"), "QUEUED");
        assert_eq!(root.ask("exec"), "pong");
    });
}

#[test]
fn a_user_that_the_kernel_cannot_name_has_no_key_space() {
    on_each_store(|daemon| {
        let none = "ERROR: NOPERM user 65534 has no key space";
        expect(
            daemon,
            NOBODY,
            &[
                ("ping", "pong"),
                ("set a 1", none),
                ("get a", none),
                ("keys", none),
                ("cleardb", none),
                ("watch a", none),
                ("save", "ERROR: \"save\" command is for administrators."),
            ],
        );
    });
}

#[test]
fn what_was_set_last_is_remembered_by_user_when_the_daemon_comes_back() {
    on_each_store(|daemon| {
        for n in 0..3 {
            expect(daemon, ANN, &[(&format!("set a{n} {n}"), "OK")]);
            expect(daemon, BOB, &[(&format!("set b{n} {n}"), "OK")]);
        }
        expect(daemon, ANN, &[("last 2", "a1:1 a2:2")]);
        expect(daemon, BOB, &[("last 2", "b1:1 b2:2")]);
    });
    let mut daemon = Daemon::start(&[("NAMESPACE", "user"), ("LAST_DEPTH", "2")]);
    if !daemon.open_to_other_users() {
        return;
    }
    expect(&daemon, ANN, &[("set a 1", "OK")]);
    expect(&daemon, BOB, &[("set x 1", "OK"), ("set y 1", "OK"), ("set z 1", "OK")]);
    daemon.kill();
    daemon.launch();
    assert!(daemon.open_to_other_users());
    expect(&daemon, ANN, &[("last 5", "a:1")]);
    expect(&daemon, BOB, &[("last 5", "y:1 z:1"), ("dbsize", "3")]);
}

#[test]
fn scripts_are_refused_since_they_can_name_any_key() {
    let Some(valkey) = Setup::default().start() else { return };
    let daemon =
        Daemon::start(&[("STORE", &valkey.url()), ("NAMESPACE", "user"), ("SCRIPTS", "all")]);
    let refused = daemon.ask("eval \"return 1\" 0");
    assert!(refused.starts_with("ERROR: NOPERM scripts are refused under "), "{refused}");
}

#[test]
fn shared_keys_have_no_users() {
    let daemon = Daemon::start(&[]);
    let none = "ERROR: all users share one key space (KVSOCK_NAMESPACE)";
    assert_eq!(daemon.ask("cleardb --user 1234"), none);
    assert_eq!(daemon.ask("keyspace user 1234"), none);
    assert_eq!(daemon.ask("keyspace all"), "OK");
}

/// The number of keys that `status`, `status json` and INFO tell a user in each protocol; 0 where
/// INFO has no line.
fn counts(daemon: &Daemon, uid: u32) -> Vec<u64> {
    let number = |text: &str, before: &str| -> u64 {
        let Some((_, after)) = text.split_once(before) else { return 0 };
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    };
    let (info, json) = ("*1\r\n$4\r\nINFO\r\n", "*2\r\n$6\r\nSTATUS\r\n$4\r\njson\r\n");
    let mut counts = vec![number(&daemon.ask_as(uid, "status\n"), "DB Size: ")];
    for requests in [
        "status json\ninfo\n".to_owned(),
        "multi\nstatus json\ninfo keyspace\nexec\n".to_owned(),
        format!("{json}{info}"),
        format!("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n{json}{info}"),
    ] {
        let replies = daemon.ask_as(uid, &requests);
        assert!(replies.contains("Keyspace"), "{replies}");
        // A reply within another is quoted.
        let replies = replies.replace('\\', "");
        counts.extend([number(&replies, "\"db_size\":"), number(&replies, "db0:keys=")]);
    }
    counts
}

#[test]
fn only_administrators_learn_how_many_keys_others_have() {
    on_each_store(|daemon| {
        let nothing = counts(daemon, BOB);
        assert!(nothing.iter().all(|count| *count == 0), "{nothing:?}");
        expect(daemon, ANN, &[("set a 1", "OK"), ("set b 1", "OK"), ("set c 1", "OK")]);
        expect(daemon, BOB, &[("set a 1", "OK")]);
        for (uid, keys) in [(ANN, 3), (BOB, 1), (0, 4)] {
            let told = counts(daemon, uid);
            assert_eq!(told, vec![keys; told.len()], "user {uid}");
        }
        let unknown = daemon.ask_as(NOBODY, "status\nstatus json\ninfo keyspace\n");
        assert!(unknown.starts_with("DB Size: unknown,"), "{unknown}");
        assert!(unknown.contains("\"db_size\":null") && !unknown.contains("db0"), "{unknown}");
    });
}
