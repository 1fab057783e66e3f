//! Makes connections to one address: the byte stream, the login, and the first reply that shows
//! that the server serves.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use rustls::ClientConfig;

use super::inquiry::Inquiry;
use super::login::Login;
use crate::message::Reply;
use crate::store::location::{Server, Transport};
use crate::store::options::Options;
use crate::store::state::OpenError;
use crate::store::valkey::cache::factory::CacheFactory;
use crate::store::valkey::wire::command::Form;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::ending::Ending;
use crate::store::valkey::wire::{confinement, error_text, stream, tls};

/// The longest time for one attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Address, credentials and options of the connections to make.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    transport: Transport,
    tls: Option<Arc<ClientConfig>>,
    login: Arc<Login>,
    attempt: Duration,
    /// The longest wait for a reply; `None` is without limit.
    reply_timeout: Option<Duration>,
    /// Makes the near cache of the shared connection, if there is to be one.
    cache: Option<CacheFactory>,
    /// The server must be a master. The connection retires when the server stops being one.
    is_for_master: bool,
}

impl Connector {
    /// Checks the settings. Does not connect.
    ///
    /// # Errors
    ///
    /// [`OpenError::Config`] for TLS settings that cannot work.
    pub(crate) fn new(
        transport: &Transport,
        login: Login,
        options: &Options,
        cache: Option<CacheFactory>,
    ) -> Result<Connector, OpenError> {
        let tls = match transport {
            Transport::Tls { .. } => Some(Arc::new(tls::config(&options.tls)?)),
            Transport::Tcp { .. } | Transport::Unix { .. } => None,
        };
        let reply_timeout = (!options.timeout.is_zero()).then_some(options.timeout);
        Ok(Connector {
            transport: transport.clone(),
            tls,
            login: Arc::new(login),
            attempt: reply_timeout.map_or(ATTEMPT, |reply_timeout| reply_timeout.min(ATTEMPT)),
            reply_timeout,
            cache,
            is_for_master: false,
        })
    }

    /// A connector whose server must be a master.
    pub(crate) fn for_master(self) -> Connector {
        Connector { is_for_master: true, ..self }
    }

    /// A connector with a shorter limit for each attempt.
    pub(crate) fn within(self, attempt: Duration) -> Connector {
        Connector { attempt: self.attempt.min(attempt), ..self }
    }

    /// A connector for another address, with the same transport, credentials and options.
    pub(crate) fn at(&self, host: &str, port: u16) -> Connector {
        let host = host.to_owned();
        let transport = match self.transport {
            Transport::Tls { .. } => Transport::Tls { host, port },
            Transport::Tcp { .. } | Transport::Unix { .. } => Transport::Tcp { host, port },
        };
        Connector { transport, ..self.clone() }
    }

    /// The address as a URL.
    pub(crate) fn name(&self) -> String {
        let transport = self.transport.clone();
        Server { transport, db: 0, username: None, password: None }.to_string()
    }

    /// Makes a shared connection: connects, logs in, selects the database, checks that the server
    /// serves, and attaches the near cache.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(crate) async fn connect(&self) -> Result<Arc<Connection>, Cow<'static, str>> {
        let connecting = async {
            let (connection, replies) = self.log_in(self.cache.is_some()).await?;
            if let Some(cache) = &self.cache
                && Self::is_told_of_changes(&connection, &replies).await?
            {
                connection.keep_values(cache.make());
            }
            Ok(Arc::new(connection))
        };
        self.in_time(connecting).await
    }

    /// Makes a pinned connection.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(crate) async fn connect_pinned(&self) -> Result<Arc<Connection>, Cow<'static, str>> {
        let connecting = async { Ok(Arc::new(self.log_in(false).await?.0)) };
        self.in_time(connecting).await
    }

    /// Connects and logs in. Gives the replies to the login, too.
    async fn log_in(
        &self,
        has_pushes: bool,
    ) -> Result<(Connection, Vec<Reply>), Cow<'static, str>> {
        let stream = stream::connect(&self.transport, self.tls.as_ref()).await?;
        let connection =
            Connection::new(stream, self.reply_timeout, has_pushes).for_master(self.is_for_master);
        let replies = connection.send(self.login.commands()).await;
        let replies = replies.map_err(|lost| lost.cause)?;
        self.login.check(&replies)?;
        if self.is_for_master {
            Login::check_master(replies.first())?;
        }
        Ok((connection, replies))
    }

    /// Asks the server for invalidations on this connection. False if it sends none. `replies` are
    /// those to the login.
    async fn is_told_of_changes(
        connection: &Connection,
        replies: &[Reply],
    ) -> Result<bool, Cow<'static, str>> {
        let refusal = if Login::is_orderly(replies) {
            let reply =
                connection.send_one(Form::Status, &[b"CLIENT", b"TRACKING", b"ON", b"OPTIN"]).await;
            match reply.map_err(|lost| lost.cause)? {
                Reply::Error(error) => error_text::of_reply(&error),
                _ => return Ok(true),
            }
        } else {
            "before version 7.0 it says within replies what changes".into()
        };
        tracing::warn!(%refusal, "no near cache: the store does not say what changes");
        Ok(false)
    }

    /// Makes a connection by the `redis` crate, for kvsock's own small questions.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(crate) async fn inquire(&self) -> Result<Inquiry, Cow<'static, str>> {
        let connecting = async {
            let (redis, ending) = self.connect_redis(|_| {}).await?;
            Ok(Inquiry::new(redis, ending, self.reply_timeout))
        };
        self.in_time(connecting).await
    }

    /// Makes a connection by the `redis` crate and subscribes to `channels`. `tell` is called with
    /// the channel and the text of each message.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(crate) async fn listen(
        &self,
        channels: &[&str],
        tell: impl Fn(&[u8], &[u8]) + Send + Sync + 'static,
    ) -> Result<Inquiry, Cow<'static, str>> {
        let connecting = async {
            let heard = move |push: PushInfo| {
                use redis::Value::BulkString;
                if let (PushKind::Message, [BulkString(channel), BulkString(said)]) =
                    (push.kind, &push.data[..])
                {
                    tell(channel, said);
                }
            };
            let (mut redis, ending) = self.connect_redis(heard).await?;
            let subscribed = redis.subscribe(channels).await;
            subscribed.map_err(|error| error_text::of(&error))?;
            Ok(Inquiry::new(redis, ending, self.reply_timeout))
        };
        self.in_time(connecting).await
    }

    /// Makes a connection by the `redis` crate. `heard` is called for each push.
    async fn connect_redis(
        &self,
        heard: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<(MultiplexedConnection, Arc<Ending>), Cow<'static, str>> {
        let ending = Arc::new(Ending::default());
        let told = Arc::clone(&ending);
        let config = AsyncConnectionConfig::new()
            // `Inquiry::ask` bounds the wait for replies.
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| -> Result<(), Infallible> {
                if push.kind == PushKind::Disconnection {
                    told.end("connection closed by the server".into());
                }
                heard(push);
                Ok(())
            });
        let stream = stream::connect(&self.transport, self.tls.as_ref()).await?;
        let info = self.login.to_redis();
        let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (redis, driver) = made.map_err(|error| error_text::of(&error))?;
        tokio::spawn(driver);
        Ok((redis, ending))
    }

    async fn in_time<T>(
        &self,
        handshake: impl Future<Output = Result<T, Cow<'static, str>>>,
    ) -> Result<T, Cow<'static, str>> {
        let mut handshake = pin!(handshake);
        let silence = self.attempt / 4;
        let early = tokio::time::timeout(silence, &mut handshake).await;
        let look = match (&early, self.address()) {
            (Ok(Ok(_)), _) | (_, None) => None,
            // A failure at a literal address names its cause. A failed look-up of a name may be due
            // to the sandbox.
            (Ok(Err(_)), Some((host, _))) if host.parse::<IpAddr>().is_ok() => None,
            // Early enough that clients waiting for this attempt see the cause.
            (_, Some(address)) => Some(address),
        };
        if let Some((host, port)) = look
            && let Some(cause) = confinement::cause(host, port).await
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

    /// Host and port; `None` on a Unix socket.
    pub(crate) fn address(&self) -> Option<(&str, u16)> {
        match &self.transport {
            Transport::Tcp { host, port } | Transport::Tls { host, port } => Some((host, *port)),
            Transport::Unix { .. } => None,
        }
    }
}
