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
use crate::memory::{Share, Turn};
use crate::server::dialect::Dialect;
use crate::server::shared::Shared;
use crate::server::standing::Standing;

/// How many a connection begins with. Their number doubles while replies are small.
const BATCH_FIRST: usize = 32;
/// Bytes of replies that may wait for the peer before more requests are carried out. Requests are
/// mostly shorter than their replies, so that what is read ahead takes less memory.
const WAITING: usize = 1024 * 1024;
/// A connection and its buffers. Idle, it holds none.
pub(crate) struct Connection<'a> {
    pub(crate) stream: UnixStream,
    pub(crate) session: Session,
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) dialect: Dialect,
    pub(crate) share: Share,
    /// Received, not yet decoded.
    pub(crate) input: BytesMut,
    /// Received after `input`, while replies waited.
    pub(crate) backlog: Backlog,
    /// Bytes of the requests that are carried out now, if they are counted.
    pub(super) executing: usize,
    /// Not yet sent.
    pub(crate) output: Output,
    /// Room for the next read.
    pub(crate) room: usize,
    /// Requests for the next batch.
    pub(super) batch: usize,
    /// How far the connection has come.
    pub(crate) phase: Phase,
    /// Output that may wait before more requests are carried out.
    pub(crate) max_output: usize,
    /// How long it may be silent.
    pub(crate) idle: Option<Idle>,
    /// How its peer moves while it holds much.
    pub(crate) stall: Option<Stall>,
    /// Why its peer is given up.
    pub(crate) verdict: Option<Verdict>,
    /// Whether it counts.
    pub(crate) standing: Standing,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It reads.
    Open,
    /// The daemon drains: what the peer has sent so far is read, no more can be sent.
    Draining,
    /// Nothing more is read; what is left is written.
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

/// How a connection ended that did not break.
#[derive(Debug)]
pub(crate) enum End {
    /// It is closed.
    Closed,
    /// It is for the next daemon to go on with, see [`Connection::carry`].
    GivenUp,
}

/// What a connection waited for has come.
pub(crate) enum Event {
    /// So many bytes were read; 0 is the end.
    Read(usize),
    /// All that the closing connection had to say is said.
    Closed,
    /// The daemon stops serving.
    Stop,
    /// Others have let go of memory.
    Released(Turn),
    /// Somebody wants the connection closed.
    Killed,
    /// Nothing has moved for too long.
    Idle,
    /// The peer has hung up, while the connection waited for memory.
    Gone,
    /// The peer is given up, see [`Connection::verdict`].
    Stalled,
}

/// Whether work may be left to the next daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// It lies in the buffers, which travel.
    BeLeft,
    /// It does not.
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

    /// A connection whose session is made of its descriptor and the limits on a request and a
    /// reply.
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

    /// Lets go of empty buffers and tells what is held.
    pub(crate) fn settle(&mut self) {
        if self.input.is_empty() {
            room::take_back(std::mem::take(&mut self.input), self.room);
        }
        self.share.set(self.held());
    }

    /// Forgets what was received and not carried out.
    pub(crate) fn forget_input(&mut self) {
        self.input = BytesMut::new();
        self.backlog.clear();
        self.executing = 0;
    }

    /// Bytes of memory in its buffers. Requests that are carried out lie in the buffer that they were
    /// read into, and once more on their way to the store.
    pub(crate) fn held(&self) -> usize {
        self.input.capacity()
            + self.backlog.capacity()
            + 2 * self.executing
            + self.output.capacity()
            + self.session.held()
    }
}
