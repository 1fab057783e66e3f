//! Many operations at a time.

use kvsock::message::Reply;
use kvsock::store::Operation;

use crate::engine::{Subject, list, operation, pairs, value};

pub(crate) async fn an_empty_batch_has_no_replies(subject: &Subject) {
    assert_eq!(subject.open().0.execute(Vec::new()).await, []);
}

pub(crate) async fn replies_come_in_the_order_of_their_requests(subject: &Subject) {
    let (mut batch, mut expected) = (Vec::new(), Vec::new());
    let mut add = |name, args: &[&[u8]], reply| {
        batch.push(operation(name, args));
        expected.push(reply);
    };
    for number in 1..=25 {
        let text = number.to_string();
        let key = format!("key{number}");
        add("SET", &[key.as_bytes(), text.as_bytes()], Reply::OK);
        add("GET", &[key.as_bytes()], value(&text));
        add("INCR", &[b"counter"], Reply::Integer(number));
        add("EXISTS", &[key.as_bytes(), b"nobody"], Reply::Integer(1));
        add("GET", &[b"nobody"], Reply::Nil);
        add("SETEX", &[b"brief", b"100", key.as_bytes()], Reply::OK);
        add("GET", &[b"brief"], value(&key));
        add("PING", &[], Reply::Status("PONG"));
    }
    assert_eq!(batch.len(), 200);
    assert_eq!(subject.open().0.execute(batch).await, expected);
}

pub(crate) async fn an_error_leaves_its_neighbours_alone(subject: &Subject) {
    let batch = vec![
        operation("SET", &[b"n", b"x"]),
        operation("INCR", &[b"n"]),
        operation("GET", &[b"\0kvsock:last"]),
        operation("GET", &[b"n"]),
    ];
    let expected = [
        Reply::OK,
        Reply::failed("value is not an integer or out of range"),
        Reply::failed("key is reserved for kvsock"),
        value("x"),
    ];
    assert_eq!(subject.open().0.execute(batch).await, expected);
}

pub(crate) async fn compound_operations_see_what_came_before_them(subject: &Subject) {
    let batch = vec![
        operation("DBSIZE", &[]),
        operation("SET", &[b"a", b"1"]),
        operation("SET", &[b"b", b"2"]),
        operation("DBSIZE", &[]),
        operation("KEYS", &[]),
        operation("LAST", &[b"5"]),
        operation("DEL", &[b"a"]),
        operation("LAST", &[b"5"]),
        operation("FLUSHDB", &[]),
        operation("GET", &[b"b"]),
        operation("LAST", &[b"5"]),
    ];
    let expected = [
        Reply::Integer(0),
        Reply::OK,
        Reply::OK,
        Reply::Integer(2),
        list(["a", "b"]),
        pairs([("a", "1"), ("b", "2")]),
        Reply::Integer(1),
        pairs([("b", "2")]),
        Reply::OK,
        Reply::Nil,
        pairs([]),
    ];
    assert_eq!(subject.open().0.execute(batch).await, expected);
}

pub(crate) async fn concurrent_batches_keep_their_replies_apart(subject: &Subject) {
    let store = std::sync::Arc::new(subject.open().0);
    let tasks = (0..20).map(|task| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..20 {
                let name = format!("{task}.{round}");
                let name = name.as_bytes();
                let batch: Vec<Operation> = vec![
                    operation("SET", &[name, name]),
                    operation("GET", &[name]),
                    operation("EXISTS", &[name]),
                ];
                let expected = [Reply::OK, value(name), Reply::Integer(1)];
                assert_eq!(store.execute(batch).await, expected);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task ends well");
    }
}
