//! The refusal of connections: with a reply, in bounded time and number.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::descriptor;
use super::dialect::is_resp;
use super::shared::Shared;

/// The time in which a refused client may show its protocol by its first bytes.
const PATIENCE: Duration = Duration::from_millis(100);
const TEXT: &[u8] = b"ERROR: too many clients\n";
const RESP_TEXT: &[u8] = b"-ERR max number of clients reached\r\n";

/// Tells a client that there are too many, in the client's protocol; in text if too many refused
/// clients are still to show theirs.
pub(super) fn refuse(stream: UnixStream, shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
    if shared.refusing.load(Ordering::Relaxed) >= descriptor::refusals() {
        let _ = stream.try_write(TEXT);
        return;
    }
    shared.refusing.fetch_add(1, Ordering::Relaxed);
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        let mut first = [0; 4096];
        let readable = tokio::time::timeout(PATIENCE, stream.readable()).await.is_ok();
        let read = if readable { stream.try_read(&mut first).unwrap_or(0) } else { 0 };
        let text = if is_resp(&first[..read]) { RESP_TEXT } else { TEXT };
        let _ = stream.try_write(text);
        shared.refusing.fetch_sub(1, Ordering::Relaxed);
    });
}

/// Answers every client that waits on `listeners`, which must be non-blocking, with one line, for
/// `time`. For a daemon that cannot serve.
pub fn refuse_all(listeners: &[UnixListener], line: &str, time: Duration) {
    let end = Instant::now() + time;
    let mut waiting: Vec<(StdStream, Instant)> = Vec::new();
    let mut asked = vec![0; 65536];
    loop {
        for listener in listeners {
            while let Ok((stream, _)) = listener.accept() {
                if stream.set_nonblocking(true).is_ok() {
                    waiting.push((stream, Instant::now()));
                }
            }
        }
        let over = Instant::now() >= end;
        waiting.retain_mut(|(stream, since)| {
            // A client is answered after it sent a request: some clients fail when they cannot
            // write.
            let silent = matches!(
                stream.read(&mut asked),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock
            );
            if silent && !over && since.elapsed() < PATIENCE {
                return true;
            }
            let _ = stream.write_all(line.as_bytes());
            false
        });
        if over {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
