//! What a link and its pool connect to: a server at a known address, or the master that sentinels
//! name, which may be another one each time.

use std::borrow::Cow;
use std::sync::Arc;

use super::connector::Connector;
use crate::store::valkey::sentinel::Sentinels;
use crate::store::valkey::wire::connection::Connection;

/// Where connections are made to, again and again.
#[derive(Debug)]
pub(crate) enum Target {
    /// Always there.
    Server(Connector),
    /// Wherever they say.
    Master(Sentinels),
}

impl From<Connector> for Target {
    fn from(connector: Connector) -> Target {
        Target::Server(connector)
    }
}

impl Target {
    /// See [`Connector::connect`].
    pub(crate) async fn connect(&self) -> Result<Arc<Connection>, Cow<'static, str>> {
        match self {
            Target::Server(connector) => connector.connect().await,
            Target::Master(sentinels) => sentinels.connect().await,
        }
    }

    /// See [`Connector::connect_pinned`].
    pub(crate) async fn connect_pinned(&self) -> Result<Arc<Connection>, Cow<'static, str>> {
        match self {
            Target::Server(connector) => connector.connect_pinned().await,
            Target::Master(sentinels) => sentinels.connect_pinned().await,
        }
    }

    /// Returns when it is heard that it is elsewhere now.
    pub(crate) async fn moved(&self) {
        match self {
            Target::Server(_) => std::future::pending().await,
            Target::Master(sentinels) => sentinels.moved().await,
        }
    }

    /// Listens to whoever may say that it is elsewhere; never ends.
    pub(crate) async fn listen(&self) {
        match self {
            Target::Server(_) => {}
            Target::Master(sentinels) => sentinels.listen().await,
        }
    }
}
