//! Users with keys of their own share the cache, and none finds another's values in it.

use bytes::Bytes;
use kvsock::message::Reply;
use kvsock::store::{Operation, Store};

use crate::support::valkey::Setup;

#[test]
fn nobody_finds_what_another_user_has_under_the_same_name() {
    let Some(server) = Setup::default().start() else { return };
    let mut options = server.options(server.unix());
    (options.cache, options.has_parts) = (1024 * 1024, true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let store = Store::open(options).expect("the store opens");
        let users = [store.part(b"u1:"), store.part(b"u10:"), store.part(b"u2:")];
        for (user, value) in users[..2].iter().zip(["one", "ten"]) {
            let args = [Bytes::from_static(b"k"), Bytes::from_static(value.as_bytes())];
            let set = Operation::named("SET", args.into_iter().collect()).expect("a command");
            assert_eq!(user.execute(vec![set]).await, [Reply::OK]);
        }
        let expected = [Reply::value("one"), Reply::value("ten"), Reply::Nil];
        for _ in 0..5 {
            for (user, expected) in users.iter().zip(&expected) {
                let args = [Bytes::from_static(b"k")].into_iter().collect();
                let get = Operation::named("GET", args).expect("a command");
                let replies = user.execute(vec![get.clone(), get]).await;
                assert_eq!(replies, [expected.clone(), expected.clone()]);
            }
        }
        let figures = store.near_cache().expect("a near cache");
        assert!(figures.hits >= 6 && figures.keys == 3, "{figures:?}");
    });
}
