//! The engine for one server, at a fixed address or named by sentinels. It sorts the operations of
//! a batch by kind, and carries out each kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::Instant;

use super::compound::Compound;
use super::guarded::Guarded;
use super::kind::Kind;
use super::pipeline::{Pipelines, Run};
use crate::account::Account;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::location::{self, Server};
use crate::store::operation::Operation;
use crate::store::options::Options;
use crate::store::state::{Health, NearCache, OpenError};
use crate::store::valkey::cache::Cache;
use crate::store::valkey::cache::factory::CacheFactory;
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::connect::limits::{Limits, is_late};
use crate::store::valkey::connect::login::Login;
use crate::store::valkey::connect::node::Node;
use crate::store::valkey::connect::pool::Pins;
use crate::store::valkey::connect::target::Target;
use crate::store::valkey::cost::expense::Expenses;
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::sentinel::sentinels::Sentinels;
use crate::store::valkey::wire::command::Form;

/// The keys under one prefix on a server.
#[derive(Debug)]
pub struct Valkey {
    pub(super) server: Arc<Connected>,
    pub(super) index: Arc<Index>,
    pub(super) prefix: Prefix,
}

/// The server, shared by all parts of the store.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) node: Node,
    pins: Pins,
    pub(super) limits: Limits,
    pub(super) expenses: Expenses,
    pub(super) growth: Growth,
    /// Makes the near caches, if there are to be any.
    cache: Option<CacheFactory>,
    /// The number of indexes that may have unwritten changes: those of open parts, and for a moment
    /// those of closed ones.
    indexes: Sender<usize>,
}

impl Valkey {
    /// Begins to connect and returns at once.
    ///
    /// # Errors
    ///
    /// [`OpenError::Config`] for TLS settings that cannot work.
    pub(crate) fn open(server: &Server, options: Options) -> Result<Valkey, OpenError> {
        let cache = CacheFactory::new(&options);
        let login = Login::new(server, &options);
        let connector = Connector::new(&server.transport, login, &options, cache.clone())?;
        Ok(Valkey::open_at(Arc::new(connector), server.to_string(), options, cache))
    }

    /// Begins to connect to the master that sentinels name, and returns at once.
    ///
    /// # Errors
    ///
    /// [`OpenError::Config`] for settings that cannot work.
    pub(crate) fn open_by_sentinels(
        location: &location::Sentinels,
        options: Options,
    ) -> Result<Valkey, OpenError> {
        let cache = CacheFactory::new(&options);
        let sentinels = Sentinels::new(location, &options, cache.clone())?;
        Ok(Valkey::open_at(Arc::new(sentinels), location.to_string(), options, cache))
    }

    fn open_at(
        target: Arc<dyn Target>,
        name: String,
        options: Options,
        cache: Option<CacheFactory>,
    ) -> Valkey {
        let (pins, limits) = (Pins::new(), Limits::of(&options));
        let server = Arc::new(Connected {
            node: Node::open(target, name, pins.clone(), |_| {}),
            pins,
            growth: Growth::new(limits.max_reply),
            limits,
            expenses: Expenses::new(),
            cache,
            indexes: Sender::new(0),
        });
        Valkey::under(Prefix::new(options.prefix), server)
    }

    /// See [`crate::store::Store::part`].
    pub(crate) fn part(&self, name: &[u8]) -> Valkey {
        Valkey::under(self.prefix.then(name), Arc::clone(&self.server))
    }

    fn under(prefix: Prefix, server: Arc<Connected>) -> Valkey {
        let index = Arc::new(Index::new(prefix.index(), server.limits.last_depth));
        server.indexes.send_modify(|count| *count += 1);
        tokio::spawn({
            let (server, index) = (Arc::clone(&server), Arc::clone(&index));
            async move {
                index.keep(&*server.node.link).await;
                server.indexes.send_modify(|count| *count -= 1);
            }
        });
        Valkey { server, index, prefix }
    }

    /// See [`crate::store::Store::execute_within`]. Adjacent operations of one command each share a
    /// round trip. Gives the replies that found room, maybe none.
    pub(crate) async fn execute(&self, batch: &[Operation], hold: &mut ReplyRoom) -> Vec<Reply> {
        let mut replies = Vec::new();
        let (growth, appended) = (&self.server.growth, Growth::appended(batch));
        let kind_of = |operation: &Operation| match Kind::of(operation) {
            Kind::Plain if growth.must_measure(&self.prefix, operation, appended) => Kind::Append,
            kind => kind,
        };
        let mut deadline = self.server.limits.deadline_of(hold);
        let mut rest = batch;
        while let Some((first, others)) = rest.split_first() {
            let kind = kind_of(first);
            let is_joined = |next: &&Operation| kind.joins() && kind_of(next) == kind;
            let (part, later) = rest.split_at(1 + others.iter().take_while(is_joined).count());
            rest = later;
            // While the store is away or does not serve, the whole batch waits only once.
            if !is_late(deadline) {
                deadline = self.deadline();
            }
            let given = match kind {
                Kind::Compound => {
                    // Boxed, so that the usual future stays small.
                    let reply = Box::pin(self.compound(deadline).execute(first, hold)).await;
                    reply.into_iter().collect()
                }
                Kind::Own => {
                    let given = Box::pin(self.run_on_own(part, deadline, hold)).await;
                    Box::pin(self.catch_up()).await;
                    given
                }
                Kind::Append => Box::pin(self.guarded(deadline).run_append(part, hold)).await,
                Kind::Plain => {
                    let run = Run::new(part, self.server.limits.max_reply);
                    let given =
                        run.finish(&self.server.node.link, &self.prefix, deadline, hold).await;
                    self.index.note(part, &given);
                    growth.learn(&self.prefix, part, &given);
                    given
                }
                Kind::Expensive => Box::pin(self.guarded(deadline).run_expensive(part, hold)).await,
            };
            let is_cut = given.len() < part.len();
            if replies.is_empty() {
                replies = given;
            } else {
                replies.extend(given);
            }
            if is_cut {
                break;
            }
        }
        replies
    }

    /// See [`crate::store::Store::is_exhausted_by`].
    pub(crate) fn is_exhausted_by(&self, account: &Account) -> bool {
        self.server.pins.are_exhausted_by(account)
    }

    /// See [`crate::store::Store::health`].
    pub(crate) fn health(&self) -> Health {
        self.server.node.link.health()
    }

    /// See [`crate::store::Store::near_cache`].
    pub(crate) fn near_cache(&self) -> Option<NearCache> {
        let figures = self.server.cache.as_ref()?.figures();
        let live = self.server.node.link.live();
        let (keys, bytes) =
            live.as_ref().and_then(|live| live.cache()).map_or((0, 0), Cache::extent);
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Some(NearCache { hits: read(&figures.hits), misses: read(&figures.misses), keys, bytes })
    }

    /// Returns once the near cache has seen the changes that were made or read on another
    /// connection: the server sends the invalidations on the shared connection before its reply to
    /// PING.
    pub(super) async fn catch_up(&self) {
        if let Some(connection) = self.server.node.link.live()
            && connection.cache().is_some()
        {
            // The cache of a lost connection is cleared.
            let _ = connection.send_one(Form::Status, &[b"PING"]).await;
        }
    }

    /// As [`Valkey::catch_up`], after `batch` was carried out on another connection. The near cache
    /// also forgets the keys of `batch`, in case invalidations are lost.
    pub(super) async fn catch_up_with(&self, batch: &[Operation]) {
        self.catch_up().await;
        if let Some(connection) = self.server.node.link.live()
            && let Some(cache) = connection.cache()
        {
            cache.forget(&self.prefix, batch);
        }
    }

    /// See [`crate::store::Store::close`].
    pub(crate) async fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut indexes = self.server.indexes.subscribe();
        let written = async {
            self.index.write(&*self.server.node.link, Some(deadline)).await.is_ok()
                // The index of this part is counted until it is dropped.
                && indexes.wait_for(|count| *count <= 1).await.is_ok()
        };
        if !matches!(tokio::time::timeout_at(deadline, written).await, Ok(true)) {
            tracing::warn!("the newest entries of the index of last were not written");
        }
    }

    fn compound(&self, deadline: Option<Instant>) -> Compound<'_> {
        Compound {
            link: &self.server.node.link,
            prefix: &self.prefix,
            index: &self.index,
            max_reply: self.server.limits.max_reply,
            has_parts: self.server.limits.has_parts,
            deadline,
        }
    }

    fn guarded(&self, deadline: Option<Instant>) -> Guarded<'_, Pipelines<'_>> {
        let Connected { node, limits, expenses, growth, .. } = &*self.server;
        let (prefix, index) = (&self.prefix, &*self.index);
        let sender = Pipelines { link: &node.link, prefix, max_reply: limits.max_reply };
        Guarded { sender, prefix, index, expenses, growth, deadline }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.server.limits.deadline()
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        self.index.end();
    }
}
