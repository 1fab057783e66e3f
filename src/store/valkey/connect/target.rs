//! The server that a link and its pool connect to. Its address may change.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::connector::Connector;
use crate::store::valkey::wire::connection::Connection;

/// A new connection, or the cause of the failure, as text.
pub(crate) type Made = Result<Arc<Connection>, Cow<'static, str>>;

/// A server that connections are made to, again and again.
pub(crate) trait Target: Debug + Send + Sync {
    /// See [`Connector::connect`].
    fn connect(&self) -> BoxFuture<'_, Made>;

    /// See [`Connector::connect_pinned`].
    fn connect_pinned(&self) -> BoxFuture<'_, Made>;

    /// Returns when the server has moved to another address.
    fn moved(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Listens for news of the address; never ends. Ends at once where the address is fixed.
    fn listen(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A server at a known address.
impl Target for Connector {
    fn connect(&self) -> BoxFuture<'_, Made> {
        Box::pin(self.connect())
    }

    fn connect_pinned(&self) -> BoxFuture<'_, Made> {
        Box::pin(self.connect_pinned())
    }
}
