//! A server that answers nonsense, or ends in the middle of a reply.

use std::time::Duration;

use kvsock::message::{ErrorReply, Reply};
use kvsock::store::{Location, Server, Store, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::valkey::options;
use crate::{operation, run};

/// The replies to the handshake: HELLO, CLIENT SETINFO twice, SELECT, and PING.
const WELCOME: &[u8] = b"%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n+OK\r\n+PONG\r\n";

/// Welcomes one client and answers all it sends then with `answer`; the next ones with
/// `later`. Then it closes.
async fn serve(listener: TcpListener, answer: &'static [u8], later: &'static [u8]) {
    let mut answers = std::iter::once(answer).chain(std::iter::repeat(later));
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = converse(&mut stream, answers.next().unwrap_or_default()).await;
    }
}

async fn converse(stream: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    for reply in [WELCOME, answer] {
        if stream.read(&mut buffer).await? == 0 {
            return Ok(());
        }
        stream.write_all(reply).await?;
    }
    Ok(())
}

fn check(answer: &'static [u8]) {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let transport = Transport::Tcp { host: "127.0.0.1".to_owned(), port };
        let server = Server { transport, db: 0, username: None, password: None };
        let store = Store::open(kvsock::store::Options {
            timeout: Duration::from_secs(2),
            ..options(Location::Valkey(server))
        })
        .expect("it opens");
        let serving = tokio::spawn(serve(listener, answer, b"$4\r\nread\r\n"));
        let batch = vec![operation("SET", &["k", "v"]), operation("GET", &["other"])];
        let replies = store.execute(batch).await;
        let unknown = Reply::Error(ErrorReply::OutcomeUnknown("SET"));
        assert_eq!(replies, [unknown, Reply::Value("read".into())]);
        serving.abort();
    });
}

#[test]
fn garbage_ends_the_connection_and_reads_are_sent_again() {
    check(b"HTTP/1.1 400 Bad Request\r\n\r\n");
}

#[test]
fn garbage_after_a_good_reply_leaves_the_batch_unknown() {
    check(b"+OK\r\n\x00\x01\x02\r\n");
}

#[test]
fn half_a_reply_is_no_reply() {
    check(b"+OK\r\n$100\r\nhalf");
}

#[test]
fn an_end_without_a_reply_is_no_reply() {
    check(b"");
}
