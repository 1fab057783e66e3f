//! The state of one client's connection: its buffers, its phase, and the events that it waits for.
//! The other files of this folder work on it, each with its own `impl Connection`.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::UnixStream;

use super::backlog::Backlog;
use super::idle::Idle;
use super::output::Output;
use super::room;
use super::stall::{Stall, Verdict};
use crate::command::{Caller, Session};
use crate::memory::{ClientShare, Turn};
use crate::server::dialect::Dialect;
use crate::server::shared::Shared;
use crate::server::standing::Standing;

/// The first batch's number of requests. It doubles while replies are small.
const BATCH_FIRST: usize = 32;
/// Bytes of replies that may wait for the peer before more requests are executed. Requests are
/// mostly shorter than their replies, so that reading ahead takes less memory.
const WAITING: usize = 1024 * 1024;
/// A connection and its buffers. An idle connection holds none.
pub(crate) struct Connection<'a> {
    pub(crate) stream: UnixStream,
    pub(crate) session: Session,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) dialect: Dialect,
    pub(crate) share: ClientShare,
    /// Bytes received and not decoded.
    pub(crate) input: BytesMut,
    /// Bytes received after `input`, while replies waited.
    pub(crate) backlog: Backlog,
    /// Bytes of the requests in execution, if they are counted.
    pub(super) executing: usize,
    /// Replies not sent yet.
    pub(crate) output: Output,
    /// The room for the next read.
    pub(crate) room: usize,
    /// The most requests of the next batch.
    pub(super) batch: usize,
    /// The phase of the connection.
    pub(crate) phase: Phase,
    /// Bytes of replies that may wait before more requests are executed.
    pub(crate) max_output: usize,
    /// The limit on silence, if any.
    pub(crate) idle: Option<Idle>,
    /// The movement of the peer, while the connection holds much memory.
    pub(crate) stall: Option<Stall>,
    /// Why the peer is given up, if it is.
    pub(crate) verdict: Option<Verdict>,
    /// Whether the connection counts.
    pub(crate) standing: Standing,
}

/// The phases of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The connection reads and answers.
    Open,
    /// The daemon drains: the bytes that the peer has sent are read, and it can send no more.
    Draining,
    /// The rest of the output is written, and nothing is read.
    Closing,
}

impl Phase {
    pub(crate) fn is_closing(self) -> bool {
        self == Phase::Closing
    }

    pub(crate) fn set_closing(&mut self, is_closing: bool) {
        if is_closing {
            *self = Phase::Closing;
        }
    }
}

/// The end of a connection that did not break.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection is closed.
    Closed,
    /// The connection is for the next daemon, see [`Connection::carry`].
    GivenUp,
}

/// The events that a connection waits for.
pub(crate) enum Event {
    /// This many bytes were read; 0 is the end.
    Read(usize),
    /// A closing connection has sent its output.
    Closed,
    /// The daemon stops serving.
    Stop,
    /// Other clients have let go of memory.
    Released(Turn),
    /// Another client has had the connection closed.
    Killed,
    /// No byte has moved for too long.
    Idle,
    /// The peer has hung up while the connection waited for memory.
    Gone,
    /// The peer is given up, see [`Connection::verdict`].
    Stalled,
}

/// Whether the rest of some work may be left to the next daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// The rest is in the buffers, which are handed over.
    BeLeft,
    /// The rest is not in the buffers.
    NotBeLeft,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(
        stream: UnixStream,
        caller: Caller,
        address: Arc<str>,
        shared: &'a Arc<Shared>,
    ) -> Connection<'a> {
        Connection::with(stream, shared, |descriptor, (max_request, max_reply)| {
            Session::new(&shared.context.users, caller, address, descriptor, max_request, max_reply)
        })
    }

    /// A connection; `session` makes its session from the descriptor and the limits on a request
    /// and a reply.
    pub(crate) fn with(
        stream: UnixStream,
        shared: &'a Arc<Shared>,
        session: impl FnOnce(RawFd, (usize, usize)) -> Session,
    ) -> Connection<'a> {
        let options = shared.options();
        let max_request = options.max_request;
        let session = session(stream.as_raw_fd(), (max_request, options.max_reply));
        let account = shared.context.accounts.of(session.client().caller.uid);
        Connection {
            stream,
            session,
            shared,
            dialect: Dialect::Unknown { max_request },
            share: shared.memory.share(&account),
            input: BytesMut::new(),
            backlog: Backlog::default(),
            executing: 0,
            output: Output::default(),
            room: room::LEAST,
            batch: BATCH_FIRST,
            phase: Phase::Open,
            max_output: if options.max_reply == 0 {
                WAITING
            } else {
                options.max_reply.min(WAITING)
            },
            idle: Idle::after(options.client_timeout),
            stall: None,
            verdict: None,
            standing: Standing::None,
        }
    }

    /// Drops empty buffers and reports the memory held.
    pub(crate) fn settle(&mut self) {
        if self.input.is_empty() {
            room::take_back(std::mem::take(&mut self.input), self.room);
        }
        self.share.set(self.held());
    }

    /// Drops input that is not executed yet.
    pub(crate) fn forget_input(&mut self) {
        self.input = BytesMut::new();
        self.backlog.clear();
        self.executing = 0;
    }

    /// Bytes of memory in the buffers. Requests in execution count twice: in the buffer that they
    /// were read into, and on their way to the store.
    pub(crate) fn held(&self) -> usize {
        self.input.capacity()
            + self.backlog.capacity()
            + 2 * self.executing
            + self.output.capacity()
            + self.session.held()
    }
}
