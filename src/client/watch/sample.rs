//! One look at the daemon: its own figures, and the time of its answers.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::client::channel::connection::Connection;
use crate::client::channel::socket::DaemonSocket;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::client::transfer::scan::{bytes_of, unexpected};
use crate::message::Reply;

/// The number of requests of one look, which are not shown.
pub(super) const OWN_REQUESTS: u64 = 3;

/// The result of one look.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) status: Status,
    /// The time of a round trip to the daemon.
    pub(super) ping: Duration,
    /// The time of a round trip through the daemon to the store; none if that failed.
    pub(super) store_ping: Option<Duration>,
}

/// The shown fields of `status json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub(super) version: String,
    pub(super) pid: u32,
    pub(super) uptime_seconds: f64,
    pub(super) db_size: Option<u64>,
    pub(super) store: StoreStatus,
    pub(super) clients: u64,
    pub(super) refused: u64,
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) hits: Option<u64>,
    pub(super) misses: Option<u64>,
}

/// The fields about the store.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StoreStatus {
    pub(super) url: String,
    pub(super) up: bool,
    pub(super) error: Option<String>,
}

/// An observer of the daemon, whose connection is restored when it is lost.
pub(super) struct Observer {
    socket: DaemonSocket,
    connection: Option<Connection>,
}

impl Observer {
    /// An observer of the daemon at `socket`.
    pub(super) fn new(socket: &DaemonSocket) -> Observer {
        Observer { socket: socket.clone(), connection: None }
    }

    /// Takes one look.
    pub(super) fn look(&mut self) -> Result<Sample, ClientError> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_over() => connection,
            _ => self.connect()?,
        };
        let sample = look(&mut connection)?;
        self.connection = Some(connection);
        Ok(sample)
    }

    fn connect(&self) -> Result<Connection, ClientError> {
        let mut connection = Connection::open(&self.socket, Interrupt::default())?;
        // The time of connecting is not part of a round trip.
        connection.ask(&["PING"])?;
        Ok(connection)
    }
}

fn look(connection: &mut Connection) -> Result<Sample, ClientError> {
    let (_, ping) = timed(connection, "PING")?;
    let (answer, store_ping) = timed(connection, "PINGDB")?;
    let store_ping = (!matches!(answer, Reply::Error(_))).then_some(store_ping);
    let reply = connection.ask(&["STATUS", "JSON"])?;
    let status = bytes_of(&reply).and_then(|json| serde_json::from_slice(&json).ok());
    let status = status.ok_or_else(|| unexpected("STATUS", &reply))?;
    Ok(Sample { at: Instant::now(), status, ping, store_ping })
}

fn timed(connection: &mut Connection, command: &str) -> Result<(Reply, Duration), ClientError> {
    let started = Instant::now();
    let reply = connection.ask(&[command])?;
    Ok((reply, started.elapsed()))
}
