//! Replies of several servers that share a bounded memory.

use std::sync::Arc;

use kvsock::account::Account;
use kvsock::memory::Memory;
use kvsock::message::Reply;
use kvsock::store::Store;

use crate::support::cluster::Setup;
use crate::{one, operation, run, value};

/// Clients at a time, and long values that each asks for.
const CLIENTS: usize = 4;
const VALUES: usize = 30;

#[test]
fn replies_that_find_no_room_are_asked_for_again_and_no_write_is_done_twice() {
    let Some(cluster) = Setup::default().start() else { return };
    run(async {
        let store = Arc::new(Store::open(cluster.options()).expect("it opens"));
        let text = |number: usize| number.to_string().repeat(100_000);
        for number in 0..VALUES {
            let set = [&format!("k{number}"), &*text(number)];
            assert_eq!(one(&store, "SET", &set).await, Reply::OK);
        }
        let memory = Arc::new(Memory::new(1_000_000));
        let clients = (0..CLIENTS).map(|client| {
            let (store, mut share) = (Arc::clone(&store), memory.share(&Account::own()));
            tokio::spawn(async move {
                let keys: Vec<String> = (0..VALUES).map(|number| format!("k{number}")).collect();
                let counter = format!("n{client}");
                let get = |key: &String| operation("GET", &[key]);
                let mut batch: Vec<_> = keys.iter().map(get).collect();
                batch.push(operation("INCR", &[&counter]));
                batch.extend(keys.iter().map(get));
                batch.push(operation("MGET", &["k3", "none", "k1", "k2"]));
                let (mut found, mut times) = (Vec::new(), 0);
                while !batch.is_empty() {
                    let (replies, rest) = store.execute_within(batch, &mut share).await;
                    assert!(!replies.is_empty(), "it goes on");
                    found.extend(replies);
                    batch = rest;
                    times += 1;
                    // As if they had been sent.
                    share.let_replies_go();
                }
                assert!(times > 1, "there is no room for all at once");
                let gets = (0..VALUES).map(|number| value(&text(number)));
                let list = [3, 1, 2].map(|number| Some(text(number).into()));
                let [three, one, two] = list;
                let mget = Reply::List(vec![three, None, one, two]);
                let expected: Vec<Reply> =
                    gets.clone().chain([Reply::Integer(1)]).chain(gets).chain([mget]).collect();
                assert!(found == expected, "every reply is the right one");
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("the client ends well");
        }
        for client in 0..CLIENTS {
            assert_eq!(one(&store, "GET", &[&format!("n{client}")]).await, value("1"));
        }
    });
}
