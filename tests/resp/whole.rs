//! What concerns all keys, within transactions on Valkey; and why the store refuses a transaction.

use redis::Value;

use crate::support::daemon::Daemon;
use crate::support::valkey::{Setup, Valkey};
use crate::support::wire::exact::Wire;
use crate::support::wire::request::request;

fn on_valkey(settings: &[(&str, &str)], check: impl FnOnce(&Daemon, Valkey)) {
    let Some(valkey) = Setup::default().start() else { return };
    let url = valkey.url();
    let settings: Vec<_> = settings.iter().copied().chain([("STORE", url.as_str())]).collect();
    check(&Daemon::start(&settings), valkey);
}

/// Lets commands wait for EXEC.
fn queue(wire: &mut Wire, commands: &[&str]) {
    wire.ask("MULTI", "+OK\r\n");
    for words in commands {
        wire.ask(words, "+QUEUED\r\n");
    }
}

#[test]
fn what_concerns_all_keys_is_a_part_of_a_transaction() {
    for settings in [&[][..], &[("CACHE", "1MiB")]] {
        on_valkey(settings, |daemon, valkey| {
            let mut wire = Wire::connect(&daemon.socket());
            // The index of last is there from here on, and no key.
            wire.ask("SET a 1", "+OK\r\n");
            wire.ask("LAST 1", "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
            valkey.command(&["SET", "other", "1"]);
            valkey.command(&["MOVE", "other", "1"]);
            queue(&mut wire, &["DBSIZE", "KEYS *", "RANDOMKEY", "KEYS x*", "LAST 9"]);
            wire.ask(
                "EXEC",
                "*5\r\n:1\r\n*1\r\n$1\r\na\r\n$1\r\na\r\n*0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
            );
            for clear in ["FLUSHDB", "FLUSHALL SYNC", "CLEARDB"] {
                wire.ask("FLUSHALL", "+OK\r\n");
                wire.ask("MSET b 1 a 1", "+OK\r\n");
                queue(&mut wire, &["SET c 2", "SET a 3", "DBSIZE", "KEYS *", "LAST 2"]);
                for words in
                    [clear, "DBSIZE", "LAST 9", "SET d 4", "SET e 5 NX", "LAST 2", "KEYS ?"]
                {
                    wire.ask(words, "+QUEUED\r\n");
                }
                wire.send(request("EXEC"));
                wire.expect("*12\r\n+OK\r\n+OK\r\n:3\r\n");
                wire.expect("*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
                wire.expect("*4\r\n$1\r\nc\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n3\r\n");
                wire.expect("+OK\r\n:0\r\n*0\r\n+OK\r\n+OK\r\n");
                let last = "*4\r\n$1\r\nd\r\n$1\r\n4\r\n$1\r\ne\r\n$1\r\n5\r\n";
                wire.expect(last);
                wire.expect("*2\r\n$1\r\nd\r\n$1\r\ne\r\n");
                wire.ask("LAST 9", last);
                wire.ask("MGET a d", "*2\r\n$-1\r\n$1\r\n4\r\n");
                wire.ask("DBSIZE", ":2\r\n");
            }
            // Other databases of the server are not kvsock's.
            let Value::BulkString(text) = valkey.command(&["INFO", "keyspace"]) else {
                panic!("a text")
            };
            assert!(String::from_utf8_lossy(&text).contains("db1:keys=1"));
            // Also where keys are watched, and where there are so many commands that others would wait.
            wire.ask("FLUSHALL", "+OK\r\n");
            wire.ask("WATCH a", "+OK\r\n");
            queue(&mut wire, &["SET a 1", "RANDOMKEY", "FLUSHDB", "RANDOMKEY", "DBSIZE"]);
            wire.ask("EXEC", "*5\r\n+OK\r\n$1\r\na\r\n+OK\r\n$-1\r\n:0\r\n");
            let many: Vec<&str> = std::iter::repeat_n("DBSIZE", 150).collect();
            queue(&mut wire, &many);
            wire.ask("EXEC", format!("*150\r\n{}", ":0\r\n".repeat(150)));
            queue(&mut wire, &["SCAN 0", "LAST 0"]);
            wire.send(request("EXEC"));
            wire.expect("*2\r\n*2\r\n$1\r\n0\r\n*0\r\n-ERR ");
        });
    }
}

#[test]
fn keys_longer_than_a_reply_may_be_are_refused_within_a_transaction_too() {
    on_valkey(&[("MAX_REPLY", "1KiB")], |daemon, _| {
        let mut wire = Wire::connect(&daemon.socket());
        for number in 0..200 {
            wire.ask(&format!("SET {number:01000} 1"), "+OK\r\n");
        }
        queue(&mut wire, &["SET done 1", "KEYS *"]);
        wire.ask("EXEC", "-ERR reply longer than 1024 bytes\r\n");
        wire.ask("GET done", "$1\r\n1\r\n");
        wire.ask("LAST 1", "*2\r\n$4\r\ndone\r\n$1\r\n1\r\n");
    });
}

#[test]
fn under_a_prefix_keys_are_listed_and_the_rest_names_the_prefix_as_the_cause() {
    let prefix = "under a key prefix (KVSOCK_KEY_PREFIX)";
    let namespace = "with per-user key spaces (KVSOCK_NAMESPACE)";
    for (setting, cause) in [
        (("KEY_PREFIX", "p[*:"), prefix),
        (("KEY_PREFIX", "p:"), prefix),
        (("NAMESPACE", "user"), namespace),
    ] {
        on_valkey(&[setting], |daemon, valkey| {
            valkey.command(&["SET", "strange", "1"]);
            let mut wire = Wire::connect(&daemon.socket());
            wire.ask("MSET b 1 a 1", "+OK\r\n");
            queue(&mut wire, &["SET c 1", "KEYS *", "KEYS [ab]"]);
            wire.send(request("EXEC"));
            wire.expect("*3\r\n+OK\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
            wire.expect("*2\r\n$1\r\na\r\n$1\r\nb\r\n");
            for (words, name) in [
                ("DBSIZE", "DBSIZE"),
                ("RANDOMKEY", "RANDOMKEY"),
                ("FLUSHDB", "FLUSHDB"),
                ("FLUSHALL", "FLUSHDB"),
                ("CLEARDB", "FLUSHDB"),
            ] {
                queue(&mut wire, &["SET c 2"]);
                let refused = format!("-ERR {name} is not possible in a transaction {cause}\r\n");
                wire.ask(words, refused);
                let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
                wire.ask("EXEC", aborted);
                wire.ask("GET c", "$1\r\n1\r\n");
            }
        });
    }
    on_valkey(&[("KEY_PREFIX", "p:")], |daemon, _| {
        let mut wire = Wire::connect(&daemon.socket());
        wire.ask("SET a 1", "+OK\r\n");
        queue(&mut wire, &["SET b 2", "LAST 9"]);
        wire.send(request("EXEC"));
        wire.expect("*2\r\n+OK\r\n*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
    });
}

#[test]
fn exec_names_the_cause_for_which_the_store_refuses_a_transaction() {
    on_valkey(&[], |daemon, valkey| {
        let mut wire = Wire::connect(&daemon.socket());
        wire.ask("PINGDB", "+PONG\r\n");
        let mut refused = |cause: &str| {
            let told = format!("-EXECABORT Transaction discarded because of: {cause}\r\n");
            queue(&mut wire, &["GET a", "SET a 1"]);
            wire.ask("EXEC", &told);
            wire.ask("WATCH a", "+OK\r\n");
            queue(&mut wire, &["GET a", "SET a 1"]);
            wire.ask("EXEC", &told);
            let many: Vec<&str> = std::iter::repeat_n("SET a 1", 150).collect();
            queue(&mut wire, &many);
            wire.ask("EXEC", &told);
            wire.ask("EXISTS a", ":0\r\n");
        };
        valkey.command(&["CONFIG", "SET", "maxmemory", "1"]);
        refused("OOM command not allowed when used memory > 'maxmemory'.");
        valkey.command(&["CONFIG", "SET", "maxmemory", "0"]);
        valkey.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
        refused("NOREPLICAS Not enough good replicas to write.");
        valkey.command(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
        valkey.command(&["ACL", "SETUSER", "default", "-set"]);
        refused("NOPERM User default has no permissions to run the 'set' command");
        valkey.command(&["ACL", "SETUSER", "default", "+set"]);
        valkey.command(&["CONFIG", "SET", "replica-serve-stale-data", "yes"]);
        valkey.command(&["REPLICAOF", "127.0.0.1", "1"]);
        refused("READONLY You can't write against a read only replica.");
        valkey.command(&["REPLICAOF", "NO", "ONE"]);
    });
}
