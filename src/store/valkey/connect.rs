//! Makes a connection: address, credentials and TLS from the settings, then the handshake, up
//! to the first answer that shows that the server serves.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisConnectionInfo, RedisResult, Value,
};

use super::connection::{Connection, Ending};
use super::tls;
use super::{blocked, cause};
use crate::store::location::{Server, Transport};
use crate::store::options::Options;
use crate::store::state::OpenError;

/// The longest that one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Batches that may wait for the crate's writer; more wait at the door, nothing is lost.
const WRITER_QUEUE: usize = 1024;

/// Bytes that the crate gathers before it writes, so that many clients share one `write`.
const WRITER_BOUNDARY: usize = 128 * 1024;

/// All that is needed to connect, again and again.
#[derive(Debug)]
pub(super) struct Connector {
    client: Client,
    /// Host and port; `None` on a Unix socket.
    address: Option<(String, u16)>,
    attempt: Duration,
    /// How long a reply may take on the connections made; `None` is without end.
    patience: Option<Duration>,
}

impl Connector {
    /// Checks the settings; connects to nothing yet.
    pub(super) fn new(server: &Server, options: &Options) -> Result<Connector, OpenError> {
        let address = match &server.transport {
            Transport::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
            Transport::Unix { path } => ConnectionAddr::Unix(path.clone()),
            Transport::Tls { host, port } => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            },
        };
        let host_and_port = match &server.transport {
            Transport::Tcp { host, port } | Transport::Tls { host, port } => {
                Some((host.clone(), *port))
            }
            Transport::Unix { .. } => None,
        };
        let info = address
            .into_connection_info()
            .map_err(refused)?
            .set_tcp_settings(tcp_settings())
            .set_redis_settings(login(server, options));
        let client = match server.transport {
            Transport::Tls { .. } => Client::build_with_tls(info, tls::certificates(&options.tls)?),
            Transport::Tcp { .. } | Transport::Unix { .. } => Client::open(info),
        };
        let patience = (!options.timeout.is_zero()).then_some(options.timeout);
        Ok(Connector {
            client: client.map_err(refused)?,
            address: host_and_port,
            attempt: patience.map_or(ATTEMPT, |patience| patience.min(ATTEMPT)),
            patience,
        })
    }

    /// Connects, logs in, selects the database, and sees that the server serves.
    ///
    /// # Errors
    ///
    /// The cause, in words.
    pub(super) async fn connect(&self) -> Result<Arc<Connection>, Cow<'static, str>> {
        let ending = Arc::new(Ending::default());
        let redis = self.in_time(self.handshake(&ending)).await?;
        Ok(Arc::new(Connection::new(redis, ending, self.patience)))
    }

    async fn in_time<T>(
        &self,
        handshake: impl Future<Output = Result<T, Cow<'static, str>>>,
    ) -> Result<T, Cow<'static, str>> {
        let mut handshake = pin!(handshake);
        let silence = self.attempt / 4;
        let early = tokio::time::timeout(silence, &mut handshake).await;
        let look = match (&early, &self.address) {
            (Ok(Ok(_)), _) | (_, None) => None,
            // An address that fails at once says why. A name may not be found for the same reason.
            (Ok(Err(_)), Some((host, _))) if host.parse::<IpAddr>().is_ok() => None,
            // Found out early enough to be told to the clients that wait for this attempt.
            (_, Some(address)) => Some(address),
        };
        if let Some((host, port)) = look
            && let Some(cause) = blocked::cause(host, *port).await
        {
            return Err(cause.into());
        }
        if let Ok(result) = early {
            return result;
        }
        tokio::time::timeout(self.attempt.saturating_sub(silence), handshake)
            .await
            .unwrap_or(Err("connection timed out".into()))
    }

    async fn handshake(
        &self,
        ending: &Arc<Ending>,
    ) -> Result<MultiplexedConnection, Cow<'static, str>> {
        let told = Arc::clone(ending);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            // Replies are timed by `Connection::send`, which also ends the connection.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WRITER_QUEUE)
            .set_write_backpressure_boundary(WRITER_BOUNDARY)
            .set_push_sender(move |push: PushInfo| -> Result<(), std::convert::Infallible> {
                if push.kind == PushKind::Disconnection {
                    told.end("connection closed by the server".into());
                }
                Ok(())
            });
        let serving = async {
            let mut redis =
                self.client.get_multiplexed_async_connection_with_config(&config).await?;
            let pong = redis.send_packed_command(&redis::cmd("PING")).await?;
            RedisResult::Ok((redis, pong))
        };
        let (redis, pong) = serving.await.map_err(|error| cause::of(&error))?;
        match pong {
            Value::ServerError(error)
                if matches!(error.code(), "LOADING" | "MASTERDOWN" | "BUSY" | "NOAUTH") =>
            {
                Err(cause::server_line(&error).into())
            }
            // Any other error answers that PING alone is not allowed, or not now.
            _ => Ok(redis),
        }
    }
}

/// The settings' user and password go before the URL's.
fn login(server: &Server, options: &Options) -> RedisConnectionInfo {
    // RESP3 for its error texts at login and its notification of a disconnect.
    let mut login = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(server.db)
        .set_lib_name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    if let Some(username) = options.username.as_ref().or(server.username.as_ref()) {
        login = login.set_username(username.reveal());
    }
    if let Some(password) = options.password.as_ref().or(server.password.as_ref()) {
        login = login.set_password(password.reveal());
    }
    login
}

/// A peer that vanished without a word is noticed within 20 seconds, busy or idle.
fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3))
        .with_retries(3);
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
        .set_user_timeout(Duration::from_secs(20))
}

/// What the crate says to settings that cannot work.
fn refused(error: impl Into<redis::RedisError>) -> OpenError {
    OpenError::Config(cause::of(&error.into()).into_owned())
}
