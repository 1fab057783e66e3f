//! Tests of a server without its daemon: hand-over, and changes of rights.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::connection::state::Connection;
use super::{Options, Server};
use crate::command::{
    Administrators, Caller, Context, Execution, Namespace, Next, Scripts, Session,
};
use crate::handover::{Carried, ClientRecord, KeySpace, Record};
use crate::logging::{self, Logging, Sink};
use crate::memory::Memory;
use crate::message::{ErrorReply, Reply, Request};
use crate::protocol::Progress;
use crate::store::{self, Location, Store};

/// The context of a daemon whose store is unreachable; its log is the process's.
fn context() -> Arc<Context> {
    static LOGGING: OnceLock<Arc<Logging>> = OnceLock::new();
    let logging = LOGGING.get_or_init(|| {
        let options = logging::Options { filter: "error".to_owned(), dir: None };
        Arc::new(logging::start(&options, Sink::Stderr).expect("a log"))
    });
    let away = Location::parse("valkey+unix:///nowhere/kvsock.sock", PathBuf::default);
    let store = Store::open(store::Options {
        location: away.expect("a location"),
        username: None,
        password: None,
        tls: store::Tls::default(),
        timeout: Duration::from_secs(60),
        prefix: Bytes::new(),
        sync: store::Sync::Always,
        last_depth: 10,
        max_reply: 0,
        cache: 0,
        has_parts: false,
        watch_limit: Duration::from_secs(1),
    });
    let own_uid = rustix::process::geteuid().as_raw();
    Arc::new(Context::new(
        store.expect("a store that is away"),
        Namespace::Shared,
        String::new(),
        Administrators::new(own_uid, None),
        Scripts::No,
        Arc::clone(logging),
    ))
}

fn server(context: &Arc<Context>) -> Server {
    let options = Options {
        max_clients: 0,
        max_clients_per_user: 0,
        max_request: 0,
        max_reply: 0,
        max_memory: 0,
        client_timeout: Duration::ZERO,
        idle_exit: Duration::ZERO,
        drain_timeout: Duration::from_secs(60),
        admin_gid: None,
    };
    Server::start(Vec::new(), options, Arc::clone(context)).expect("a server")
}

/// A connection that has received `input` and executed none of it yet, and its peer.
fn connection(input: &[u8]) -> (UnixStream, Carried) {
    let (peer, socket) = UnixStream::pair().expect("a pair");
    peer.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let record = Record {
        protocol: None,
        progress: Progress::Request,
        input: input.to_vec().into(),
        output: Vec::new().into(),
        is_closing: false,
        client: ClientRecord::default(),
        transaction: None,
        has_watched: false,
        keys: KeySpace::Own,
    };
    (peer, Carried { socket: socket.into(), record })
}

/// Each batch of a connection has its future in a box, into which all of it is copied.
#[tokio::test]
async fn the_future_of_a_batch_is_small() {
    let context = context();
    let server = server(&context);
    let (stream, _peer) = tokio::net::UnixStream::pair().expect("a pair");
    let caller = Caller { uid: 1, gid: 1, groups: Box::default(), pid: None };
    let mut connection = Connection::new(stream, caller, "socket".into(), &server.shared);
    let killed = pin!(std::future::pending());
    let batch = connection.carry_out(killed);
    assert!(size_of_val(&batch) <= 4096, "{} bytes", size_of_val(&batch));
}

#[tokio::test]
async fn a_shutdown_that_comes_during_a_hand_over_is_not_forgotten() {
    let context = context();
    let mut server = server(&context);
    let (mut peer, carried) = connection(b"shutdown\n");
    assert_eq!(server.take_over([carried]), 0);
    assert!(context.stop.requested().now_or_never().is_none());
    // The task runs for the first time once the hand-over has begun.
    server.hand_over().await;
    let mut reply = [0; 24];
    peer.read_exact(&mut reply).expect("the reply");
    assert_eq!(&reply[..], b"Shutting down server...\n");
    // The request stays in force for every listener, at any time.
    for _ in 0..2 {
        assert!(context.stop.requested().now_or_never().is_some());
    }
}

#[tokio::test]
async fn a_first_line_of_hello_may_come_in_pieces_to_two_daemons() {
    for (first, second) in [("H", "ELLO 3\r\n"), (" hel", "lo 3\n"), ("hello", " 3\n")] {
        let context = context();
        let mut before = server(&context);
        let (mut peer, carried) = connection(first.as_bytes());
        assert_eq!(before.take_over([carried]), 0);
        let (connections, _) = before.hand_over().await;
        assert_eq!(&connections[0].record.input[..], first.as_bytes());
        assert_eq!(connections[0].record.protocol, None);
        let mut after = server(&context);
        assert_eq!(after.take_over(connections), 0);
        peer.write_all(second.as_bytes()).expect("sent");
        peer.shutdown(std::net::Shutdown::Write).expect("connected");
        after.drain().await;
        let mut reply = String::new();
        peer.read_to_string(&mut reply).expect("the reply");
        assert!(reply.starts_with("%7\r\n$6\r\nserver\r\n"), "{first:?}: {reply}");
    }
}

#[tokio::test]
async fn what_was_queued_with_a_right_is_refused_at_exec_without_it() {
    const GROUP: u32 = 54321;
    let context = context();
    context.users.administrators.set_group(Some(GROUP));
    let caller = Caller { uid: GROUP, gid: GROUP, groups: Box::default(), pid: None };
    let mut session = Session::new(&context.users, caller, "socket".into(), 9, 0, 0);
    let account = context.accounts.of(GROUP);
    let mut share = Arc::new(Memory::new(0)).share(&account);
    for (names, expected) in [
        (&["multi", "bgsave"][..], vec![Reply::OK, Reply::Status("QUEUED")]),
        (&["exec"], vec![Reply::Array(vec![Reply::Error(ErrorReply::Forbidden("bgsave"))])]),
    ] {
        let mut execution = Execution::default();
        for name in names {
            let request = Request { name: name.as_bytes().into(), args: [].into_iter().collect() };
            execution.push(Ok(request));
        }
        assert_eq!(execution.run(&context, &mut session, &mut share).await, Next::Continue);
        let replies: Vec<_> = execution.take_replies(&context, &session).collect();
        assert_eq!(replies, expected);
        context.users.administrators.set_group(None);
    }
}
