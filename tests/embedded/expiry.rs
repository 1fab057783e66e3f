//! Keys that expire.

use kvsock::message::Reply;

use crate::support::{Opened, list, operation, options, pairs, wait_until};

#[test]
fn an_expired_key_is_gone_at_once_and_swept_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = Opened::new(options(directory.path()));
    let setex = |key| operation("SETEX", &[format!("k{key}"), "1".to_owned(), "7".to_owned()]);
    let begun = std::time::Instant::now();
    store.batch((0..2_500).map(setex).collect());
    let size = store.ask("DBSIZE");
    if begun.elapsed().as_millis() < 990 {
        assert_eq!(size, Reply::Integer(2_500));
    }
    store.run("SET", &["stays", "1"]);
    store.run("EXPIRE", &["stays", "1000"]);
    wait_until(|| store.ask("DBSIZE") == Reply::Integer(1));
    assert_eq!(store.run("GET", &["k2499"]), Reply::Nil);
    assert_eq!(store.run("KEYS", &["*"]), list(&["stays"]));
    assert_eq!(store.run("LAST", &["9"]), pairs(&[("stays", "1")]));
    // What expired does not come back by counting, which is no setting.
    assert_eq!(store.run("INCR", &["k1"]), Reply::Integer(1));
    assert_eq!(store.run("LAST", &["9"]), pairs(&[("stays", "1")]));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(2));
    store.close();
    let store = Opened::new(options(directory.path()));
    assert_eq!(store.ask("DBSIZE"), Reply::Integer(2));
    store.close();
}
