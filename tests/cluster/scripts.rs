//! Scripts: on the server of their keys, and known to all servers.

use kvsock::message::Reply;
use kvsock::store::Store;

use crate::support::cluster::{MASTERS, Setup};
use crate::transactions::owner;
use crate::{one, run, value};

#[test]
fn a_script_runs_where_its_keys_are_and_is_known_everywhere() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        for key in ["a", "b", "c"] {
            let script = "return redis.call('set', KEYS[1], ARGV[1])";
            assert_eq!(one(&store, "EVAL", &[script, "1", key, "x"]).await, Reply::OK);
            assert_eq!(one(&store, "GET", &[key]).await, value("x"));
        }
        assert_eq!(one(&store, "EVAL", &["return 7", "0"]).await, Reply::Integer(7));
        let loaded = one(&store, "SCRIPT LOAD", &["return KEYS[1]"]).await;
        let Reply::Value(digest) = loaded else { panic!("{loaded:?}") };
        let digest = std::str::from_utf8(&digest).expect("hex digits");
        for key in ["a", "b", "c"] {
            assert_eq!(one(&store, "EVALSHA", &[digest, "1", key]).await, value(key));
        }
        let known = one(&store, "SCRIPT EXISTS", &[digest]).await;
        assert_eq!(known, Reply::Array(vec![Reply::Integer(1)]));
        cluster.command(MASTERS - 1, &["SCRIPT", "FLUSH"]).expect("it forgets");
        let known = one(&store, "SCRIPT EXISTS", &[digest]).await;
        assert_eq!(known, Reply::Array(vec![Reply::Integer(0)]), "not by all");
        assert_eq!(one(&store, "SCRIPT FLUSH", &[]).await, Reply::OK);
        let unknown = one(&store, "EVALSHA", &[digest, "1", "a"]).await;
        assert!(
            matches!(&unknown, Reply::Error(error)
            if error.to_string().starts_with("NOSCRIPT ")),
            "{unknown:?}"
        );
        let wrong = one(&store, "EVAL", &["return", "x"]).await;
        assert_eq!(wrong, Reply::failed("value is not an integer or out of range"));
    });
}

#[test]
fn a_script_that_answers_as_a_server_does_is_not_run_again() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let other = cluster.port((owner(&cluster, "n") + 1) % MASTERS);
        for error in [format!("MOVED 0 127.0.0.1:{other}"), "TRYAGAIN later".to_owned()] {
            assert_eq!(one(&store, "SET", &["n", "0"]).await, Reply::OK);
            let script = "redis.call('incr', KEYS[1]); return redis.error_reply(ARGV[1])";
            let reply = one(&store, "EVAL", &[script, "1", "n", &error]).await;
            assert_eq!(reply, Reply::coded(error));
            assert_eq!(one(&store, "GET", &["n"]).await, value("1"));
        }
    });
}

#[test]
fn a_script_follows_its_keys() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Store::open(cluster.options()).expect("it opens");
        let (slot, from) = (cluster.slot("{t}"), owner(&cluster, "{t}"));
        let to = (from + 1) % MASTERS;
        let incr = async |key: &str| {
            one(&store, "EVAL", &["return redis.call('incr', KEYS[1])", "1", key]).await
        };
        assert_eq!(incr("{t}a").await, Reply::Integer(1));
        cluster.begin_move(&slot, from, to);
        assert_eq!(incr("{t}a").await, Reply::Integer(2), "it is here still");
        cluster.move_key("{t}a", from, to);
        assert_eq!(incr("{t}a").await, Reply::Integer(3), "it is there already");
        cluster.finish_move(&slot, from, to);
        assert_eq!(incr("{t}a").await, Reply::Integer(4));
    });
}
