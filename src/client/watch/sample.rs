//! One look at the daemon: its own figures, and how long its answers took.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::client::channel::connection::Connection;
use crate::client::channel::socket::DaemonSocket;
use crate::client::error::ClientError;
use crate::client::interrupt::Interrupt;
use crate::client::transfer::scan::{bytes_of, unexpected};
use crate::message::Reply;

/// Requests that one look costs: they are not what anybody wants to see.
pub(super) const OWN_REQUESTS: u64 = 3;

/// What one look found.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) status: Status,
    /// The time of a round trip to the daemon.
    pub(super) ping: Duration,
    /// The time of a round trip through it to the store, unless that failed.
    pub(super) store_ping: Option<Duration>,
}

/// What `status json` says, as far as it is shown.
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

/// What it says of the store.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StoreStatus {
    pub(super) url: String,
    pub(super) up: bool,
    pub(super) error: Option<String>,
}

/// Looks at the daemon, over a connection that is made again when it was lost.
pub(super) struct Observer {
    socket: DaemonSocket,
    connection: Option<Connection>,
}

impl Observer {
    /// Of the daemon at `socket`.
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
        // What it takes to connect is not what a round trip takes.
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
