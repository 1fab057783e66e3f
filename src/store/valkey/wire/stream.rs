//! The byte stream to the server: TCP, TLS over TCP, or a Unix socket.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::error_text;
use crate::store::location::Transport;

/// How long an attempt at one address may take before an attempt at the next begins beside it (RFC
/// 8305).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// The byte stream of a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects.
///
/// # Errors
///
/// The cause, as text.
pub(crate) async fn connect(
    transport: &Transport,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Box<dyn Stream>, Cow<'static, str>> {
    let io = |error: io::Error| error_text::of_io(&error);
    match transport {
        Transport::Unix { path } => Ok(Box::new(UnixStream::connect(path).await.map_err(io)?)),
        Transport::Tcp { host, port } => Ok(Box::new(tcp(host, *port).await.map_err(io)?)),
        Transport::Tls { host, port } => {
            let tls = tls.ok_or("TLS is not set up")?;
            let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
            let stream = tcp(host, *port).await.map_err(io)?;
            let connecting = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
            Ok(Box::new(connecting.await.map_err(io)?))
        }
    }
}

/// Connects to the host. The first address that accepts wins.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut addresses = tokio::net::lookup_host((host, port)).await?;
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.spawn(TcpStream::connect(address));
        }
        let attempt = async {
            if is_last {
                return attempts.join_next().await;
            }
            tokio::time::timeout(NEXT_ADDRESS, attempts.join_next()).await.ok().flatten()
        };
        match attempt.await {
            Some(Ok(Ok(stream))) => {
                set_options(&stream)?;
                return Ok(stream);
            }
            Some(Ok(Err(error))) => failure = error,
            Some(Err(error)) => failure = io::Error::other(error),
            None if is_last => return Err(failure),
            None => {}
        }
    }
}

/// Detects a peer that vanished within 20 seconds, on busy and on idle connections.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3))
        .with_retries(3);
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(Duration::from_secs(20)))
}
