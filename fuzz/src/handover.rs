//! What one daemon leaves for the next: the file, each record in it, and what the next daemon makes
//! of a record.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kvsock::account::Account;
use kvsock::command::{
    Administrators, Caller, Context, Execution, Namespace, Scripts, Session, value_at,
};
use kvsock::handover::{KeySpace, Record, read, write};
use kvsock::logging::{self, Logging, Sink};
use kvsock::memory::Memory;
use kvsock::message::{Protocol, Reply, Request};
use kvsock::protocol::{Decoded, resp, text};
use kvsock::store::{self, Location, Store};
use serde_bytes::ByteBuf;

/// Bytes that a request may have.
const MAX_REQUEST: usize = 512;

pub fn check(input: &[u8]) {
    let Ok((head, records)) = read(input) else { return };
    let mut found = Vec::new();
    for record in records {
        // Each record has a length of four bytes.
        assert!(found.len() < input.len() / 4, "more records than bytes");
        found.push(record);
    }
    assert!(found.len() <= head.connections as usize, "more records than announced");
    let found: Vec<Record> = found.into_iter().flatten().collect();
    let mut file = Vec::new();
    write(&mut file, head.newest_client, found.iter().cloned()).expect("written");
    let (again, records) = read(&file[..]).expect("readable");
    assert_eq!(again.newest_client, head.newest_client);
    let records: Result<Vec<Record>, _> = records.collect();
    assert_eq!(records.expect("readable"), found);
    for namespace in [Namespace::Shared, Namespace::User] {
        check_sessions(namespace, head.newest_client, &found);
    }
    found.iter().for_each(check_input);
}

/// Sessions made of the records have what these say, and are carried on as that.
fn check_sessions(namespace: Namespace, newest: u64, records: &[Record]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let context = context(namespace);
    context.users.clients.skip_to(newest);
    let sessions: Vec<Session> = records.iter().map(|it| restore(&context, it)).collect();
    // Whoever comes later has a number of its own, too.
    let new = Session::new(&context.users, caller(), "socket".into(), 9, MAX_REQUEST, 0);
    let ids: HashSet<u64> = sessions.iter().chain([&new]).map(|it| it.client().id).collect();
    assert_eq!(ids.len(), sessions.len() + 1, "each has its number");
    for (session, record) in sessions.iter().zip(records) {
        check_session(session, record);
        let client = session.client_record();
        let transaction = session.transaction_record();
        let mut next = restore(&context, &Record { client, transaction, ..record.clone() });
        assert_eq!(next.transaction_record(), session.transaction_record());
        assert_eq!(next.client_record().command, session.client_record().command);
        let ask = |session: &mut Session, requests: Vec<Request>| {
            let mut execution = Execution::default();
            for request in requests {
                execution.push(Ok(request));
            }
            let mut share = Arc::new(Memory::new(0)).share(&Account::own());
            runtime.block_on(execution.run(&context, session, &mut share));
            execution.take_replies(&context, session).collect::<Vec<Reply>>()
        };
        if namespace == Namespace::Shared && matches!(record.keys, KeySpace::User(_)) {
            // One that is no more: a request must not reach the keys of all.
            let replies = ask(&mut next, vec![request(["get", "k"].map(Bytes::from))]);
            assert!(matches!(replies[..], [Reply::Error(_)]), "{replies:?}");
        }
        if let Some(queued) = session.transaction_record().filter(|queued| !queued.is_spoilt) {
            // Whoever asked for the same today would have it queued.
            let mut other = restore(&context, &Record { transaction: None, ..record.clone() });
            let multi = request([Bytes::from("multi")]);
            let words =
                |words: Vec<ByteBuf>| request(words.into_iter().map(|it| it.into_vec().into()));
            let requests = std::iter::once(multi).chain(queued.requests.into_iter().map(words));
            let replies = ask(&mut other, requests.collect());
            assert!(replies[1..].iter().all(|it| *it == Reply::Status("QUEUED")), "{replies:?}");
        }
    }
}

fn request(words: impl IntoIterator<Item = Bytes>) -> Request {
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default();
    Request { name: name[..].into(), args: words.collect() }
}

/// A session has what the record says. Where that cannot be, a transaction of commands that have no
/// place in one, EXEC will refuse it.
fn check_session(session: &Session, record: &Record) {
    assert_eq!(session.protocol(), record.protocol.unwrap_or(Protocol::Text));
    assert_eq!(session.has_watched(), record.has_watched);
    assert_eq!(session.key_space(), record.keys);
    let (told, carried) = (&record.client, session.client_record());
    assert_eq!(
        (carried.name, carried.library, carried.library_version, carried.commands),
        (told.name.clone(), told.library.clone(), told.library_version.clone(), told.commands)
    );
    let transaction = session.transaction_record();
    assert_eq!(transaction.is_some(), record.transaction.is_some());
    if let (Some(told), Some(carried)) = (&record.transaction, &transaction) {
        assert!(carried.is_spoilt || !told.is_spoilt, "what was spoilt stays so");
        assert!(carried.requests.len() <= told.requests.len());
        assert!(carried.is_spoilt || carried.requests.len() == told.requests.len());
    }
}

fn restore(context: &Arc<Context>, record: &Record) -> Session {
    Session::restore(context, caller(), "socket".into(), 9, (MAX_REQUEST, 0), record)
}

fn caller() -> Caller {
    Caller { uid: 0, gid: 0, groups: Box::default(), pid: None }
}

/// A daemon's, whose store is away; the log, which is the process's, is off.
fn context(namespace: Namespace) -> Arc<Context> {
    static LOGGING: OnceLock<Arc<Logging>> = OnceLock::new();
    let logging = LOGGING.get_or_init(|| {
        let options = logging::Options { filter: "off".to_owned(), dir: None };
        Arc::new(logging::start(&options, Sink::Stderr).expect("a log"))
    });
    let away = Location::parse("valkey+unix:///nowhere/kvsock.sock", PathBuf::default);
    let store = Store::open(store::Options {
        location: away.expect("a location"),
        username: None,
        password: None,
        tls: store::Tls::default(),
        timeout: Duration::from_secs(1),
        prefix: Bytes::new(),
        sync: store::Sync::Always,
        last_depth: 10,
        max_reply: 0,
        cache: 0,
        has_parts: namespace == Namespace::User,
        watch_limit: Duration::from_secs(1),
    });
    Arc::new(Context::new(
        store.expect("a store that is away"),
        namespace,
        String::new(),
        Administrators::new(0, None),
        Scripts::Administrators,
        Arc::clone(logging),
    ))
}

/// Whatever had come of the input and of its decoder, another goes on, in bounded steps.
fn check_input(record: &Record) {
    let mut buffer = BytesMut::from(&record.input[..]);
    // A record may have it that more is to be passed over than is there.
    buffer.extend_from_slice(b"\r\n*1\r\n$4\r\nPING\r\n\nping\n");
    let bytes = buffer.len();
    let mut found = 0;
    let mut keep = |decoded: Decoded| {
        found += 1;
        assert!(found <= bytes, "more requests than bytes");
        !matches!(decoded, Decoded::Broken(_))
    };
    if matches!(record.protocol, None | Some(Protocol::Text)) {
        let mut decoder = text::Decoder::resume(MAX_REQUEST, value_at, record.progress);
        while decoder.decode(&mut buffer).is_some_and(&mut keep) {}
        decoder.finish(&mut buffer).map(keep);
    } else {
        let mut decoder = resp::Decoder::resume(MAX_REQUEST, record.progress);
        while decoder.decode(&mut buffer).is_some_and(&mut keep) {}
        decoder.finish(&mut buffer).map(keep);
    }
    assert!(buffer.is_empty(), "nothing waits after the end");
}
