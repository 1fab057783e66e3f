//! The order of setting.

use kvsock::message::Reply;
use kvsock::store::Options;

use crate::support::{Opened, options, pairs};

#[test]
fn last_tells_the_order_of_setting_across_restarts_and_depths() {
    let directory = tempfile::tempdir().unwrap();
    let depth = |last_depth| Options { last_depth, ..options(directory.path()) };
    let store = Opened::new(depth(3));
    for (key, text) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("d", "5")] {
        store.run("SET", &[key, text]);
    }
    store.run("INCR", &["a"]);
    let three = pairs(&[("c", "3"), ("a", "5"), ("d", "5")]);
    assert_eq!(store.run("LAST", &["9"]), three);
    assert_eq!(store.run("LAST", &["2"]), pairs(&[("a", "5"), ("d", "5")]));
    store.close();
    let store = Opened::new(depth(2));
    assert_eq!(store.run("LAST", &["9"]), pairs(&[("a", "5"), ("d", "5")]));
    store.run("DEL", &["d"]);
    store.run("SETEX", &["e", "100", "6"]);
    store.close();
    let store = Opened::new(depth(3));
    store.run("SET", &["f", "7"]);
    assert_eq!(store.run("LAST", &["9"]), pairs(&[("a", "5"), ("e", "6"), ("f", "7")]));
    assert_eq!(store.run("LAST", &["0"]), Reply::failed("value is not an integer or out of range"));
    store.ask("FLUSHDB");
    assert_eq!(store.run("LAST", &["9"]), pairs(&[]));
    store.close();
}
