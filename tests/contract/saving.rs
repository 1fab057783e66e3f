//! Data on disk.

use std::sync::Arc;

use kvsock::message::Reply;

use crate::engine::{Home, Subject, operation, value};

pub(crate) async fn save_ends_once_the_data_is_on_disk(subject: &Subject) {
    let store = subject.open();
    store.set("a", "kept").await;
    assert_eq!(store.one("SAVE", &[]).await, Reply::OK);
    if let Home::Server(server) = &subject.home {
        let dump = std::fs::read(server.dir().join("dump.rdb")).expect("the dump is there");
        assert!(dump.windows(4).any(|bytes| bytes == b"kept"));
    }
}

pub(crate) async fn saves_at_one_time_all_succeed(subject: &Subject) {
    let store = Arc::new(subject.open().0);
    let saves = (0..3).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.execute(vec![operation("SAVE", &[])]).await })
    });
    for save in saves.collect::<Vec<_>>() {
        assert_eq!(save.await.expect("the task ends well"), [Reply::OK]);
    }
}

pub(crate) async fn what_was_written_is_there_when_the_store_is_opened_again(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    store.close().await;
    assert_eq!(subject.open().get("a").await, value("1"));
}

pub(crate) async fn saving_in_the_background_tells_when_it_ended(subject: &Subject) {
    let store = subject.open();
    store.set("a", "1").await;
    let Reply::Integer(before) = store.one("LASTSAVE", &[]).await else { panic!("a time") };
    let started = store.one("BGSAVE", &[]).await;
    assert_eq!(started, Reply::Status("Background saving started"));
    assert_eq!(store.one("BGSAVE", &[b"x"]).await, Reply::failed("syntax error"));
    assert_eq!(store.one("SAVE", &[]).await, Reply::OK);
    let Reply::Integer(after) = store.one("LASTSAVE", &[]).await else { panic!("a time") };
    assert!(before > 1_700_000_000 && after >= before, "{before} {after}");
}
