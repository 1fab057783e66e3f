//! The connection behind the prompt, restored after a restart of the daemon.

use std::time::{Duration, Instant};

use crate::client::channel::connection::Connection;
use crate::client::channel::socket::DaemonSocket;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::message::Reply;
use crate::protocol::text::Words;

/// The connection, if there is one.
#[derive(Debug)]
pub(super) struct Session {
    socket: DaemonSocket,
    interrupt: Interrupt,
    connection: Option<Connection>,
    /// Whether requests are queued for `exec`.
    in_transaction: bool,
    /// Whether keys are watched.
    is_watching: bool,
}

/// The result of a request.
#[derive(Debug)]
pub(super) struct Answer {
    /// An event of the connection before the request was sent.
    pub(super) before: Option<&'static str>,
    /// The consequence of the request's failure.
    pub(super) after: Option<&'static str>,
    /// The reply.
    pub(super) result: Result<Reply, ClientError>,
    /// The duration.
    pub(super) elapsed: Duration,
}

impl Session {
    /// Connects.
    pub(super) fn open(socket: &DaemonSocket) -> Result<Session, ClientError> {
        let interrupt = Interrupt::on_ctrl_c().map_err(ClientError::Terminal)?;
        let connection = Connection::open(socket, interrupt.clone())?;
        Ok(Session {
            socket: socket.clone(),
            interrupt,
            connection: Some(connection),
            in_transaction: false,
            is_watching: false,
        })
    }

    /// The prompt of the next request.
    pub(super) fn prompt(&self) -> &'static str {
        if self.in_transaction { "kvsock(multi)> " } else { "kvsock> " }
    }

    /// Sends one request at most once, and waits for its reply or Ctrl-C.
    pub(super) fn ask(&mut self, words: &Words) -> Answer {
        let started = Instant::now();
        self.interrupt.clear();
        let mut before = None;
        let result = self.connect(&mut before).and_then(|mut connection| {
            let reply = connection.ask(words)?;
            self.follow(&words[0], &reply);
            // A connection after RESET would speak RESP 2.
            if !words[0].eq_ignore_ascii_case(b"reset") {
                self.connection = Some(connection);
            }
            Ok(reply)
        });
        let after = result.as_ref().err().and_then(|error| self.give_up(error));
        Answer { before, after, result, elapsed: started.elapsed() }
    }

    /// The connection, restored if it was lost. A request of a transaction is not sent outside of
    /// it.
    fn connect(&mut self, note: &mut Option<&'static str>) -> Result<Connection, ClientError> {
        match self.connection.take() {
            Some(connection) if !connection.is_over() => Ok(connection),
            None => Connection::open(&self.socket, self.interrupt.clone()),
            Some(_) if self.in_transaction || self.is_watching => {
                Err(ClientError::Refused("the daemon closed the connection; not sent".to_owned()))
            }
            Some(_) => {
                let connection = Connection::open(&self.socket, self.interrupt.clone())?;
                *note = Some("the daemon had closed the connection; connected again");
                Ok(connection)
            }
        }
    }

    /// Drops the state of a lost connection.
    fn give_up(&mut self, error: &ClientError) -> Option<&'static str> {
        self.connection = None;
        let was_bound =
            std::mem::take(&mut self.in_transaction) | std::mem::take(&mut self.is_watching);
        let was_sent = matches!(
            error,
            ClientError::Connection(_) | ClientError::NoReply | ClientError::Interrupted
        );
        match (was_bound, was_sent) {
            (true, _) => Some("the transaction and what was watched are forgotten"),
            (false, true) => Some("the request may or may not have been carried out"),
            (false, false) => None,
        }
    }

    fn follow(&mut self, name: &[u8], reply: &Reply) {
        let failed = matches!(reply, Reply::Error(_));
        match &name.to_ascii_lowercase()[..] {
            b"multi" if !failed => self.in_transaction = true,
            b"watch" if !failed => self.is_watching = true,
            b"unwatch" if !self.in_transaction => self.is_watching = false,
            b"exec" | b"discard" | b"reset" => {
                (self.in_transaction, self.is_watching) = (false, false);
            }
            _ => {}
        }
    }
}
