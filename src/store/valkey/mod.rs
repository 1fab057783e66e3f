//! The Valkey engine: one connection to a Valkey or Redis server (6.2 or later), shared by all.
//!
//! `link` keeps the connection, `driver` turns it, `pipeline` sends what is one command each,
//! `compound` what takes several, and `index` is what `last` reads; `cache` knows what need not be
//! asked. A client that watches keys, runs a script or sends a long transaction has a connection of
//! its own from the `pool`. Sentinels are asked by the `redis` crate, which only this engine knows.
//! `cluster` makes of the same pieces an engine for several servers.

mod cache;
mod cluster;
mod connect;
mod cost;
mod keys;
mod last;
mod sentinel;
mod single;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::Instant;

use self::cache::{Cache, Figures};
pub(super) use self::cluster::{Cluster, Watch as ClusterWatch};
use self::connect::connector::Connector;
use self::connect::limits::{Terms, is_late};
use self::connect::login::Login;
use self::connect::node::Node;
use self::connect::pool::Pins;
use self::connect::target::Target;
use self::cost::expense::Expenses;
use self::cost::growth::Growth;
use self::keys::prefix::Prefix;
use self::last::index::Index;
use self::sentinel::Sentinels;
use self::single::compound::Compound;
use self::single::pipeline::Run;
pub(super) use self::single::watch::Watch;
use self::wire::command::Form;
use crate::account::Account;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::location::{self, Server};
use crate::store::operation::{Operation, Verb};
use crate::store::options::Options;
use crate::store::state::{Health, NearCache, OpenError};

/// How long to wait before the next attempt, when the server was there but did not serve.
const RETRY_WAIT: Duration = Duration::from_millis(50);

/// The keys under one prefix on a server.
#[derive(Debug)]
pub struct Valkey {
    server: Arc<Connected>,
    index: Arc<Index>,
    prefix: Prefix,
}

/// A connection to a server, made and made again as long as it lives.
#[derive(Debug)]
struct Connected {
    node: Node,
    pins: Pins,
    terms: Terms,
    expenses: Expenses,
    growth: Growth,
    /// Of the near cache, if there is to be one.
    figures: Option<Arc<Figures>>,
    /// Indexes whose changes are not all written for certain: those of the open parts, and of
    /// closed ones for a moment.
    indexes: Sender<usize>,
}

impl Valkey {
    /// Begins to connect and returns at once.
    ///
    /// # Errors
    ///
    /// [`OpenError::Config`] for TLS settings that cannot work.
    pub(super) fn open(server: &Server, options: Options) -> Result<Valkey, OpenError> {
        let figures = (options.cache > 0).then(Arc::default);
        let login = Login::new(server, &options);
        let connector = Connector::new(&server.transport, login, &options, figures.clone())?;
        Ok(Valkey::open_at(connector.into(), server.to_string(), options, figures))
    }

    /// The same of the master that sentinels name.
    pub(super) fn open_by_sentinels(
        location: &location::Sentinels,
        options: Options,
    ) -> Result<Valkey, OpenError> {
        let figures = (options.cache > 0).then(Arc::default);
        let sentinels = Sentinels::new(location, &options, figures.clone())?;
        let target = Target::Master(sentinels);
        Ok(Valkey::open_at(target, location.to_string(), options, figures))
    }

    fn open_at(
        target: Target,
        name: String,
        options: Options,
        figures: Option<Arc<Figures>>,
    ) -> Valkey {
        let (pins, terms) = (Pins::new(), Terms::of(&options));
        let server = Arc::new(Connected {
            node: Node::open(target, name, pins.clone(), |_| {}),
            pins,
            growth: Growth::new(terms.max_reply),
            terms,
            expenses: Expenses::new(),
            figures,
            indexes: Sender::new(0),
        });
        Valkey::under(Prefix::new(options.prefix), server)
    }

    /// See [`super::Store::part`].
    pub(super) fn part(&self, name: &[u8]) -> Valkey {
        Valkey::under(self.prefix.then(name), Arc::clone(&self.server))
    }

    fn under(prefix: Prefix, server: Arc<Connected>) -> Valkey {
        let index = Arc::new(Index::new(prefix.index(), server.terms.last_depth));
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

    /// See [`super::Store::execute_within`]. Neighbours that are one command each travel together.
    /// Gives the replies that there was room for, maybe none.
    pub(super) async fn execute(&self, batch: &[Operation], hold: &mut ReplyRoom) -> Vec<Reply> {
        let mut replies = Vec::new();
        let (growth, appended) = (&self.server.growth, Growth::appended(batch));
        let kind_of = |operation: &Operation| match Kind::of(operation) {
            Kind::Plain if growth.must_measure(&self.prefix, operation, appended) => Kind::Append,
            kind => kind,
        };
        let same_kind = |one: &Operation, next: &Operation| {
            let kinds = (kind_of(one), kind_of(next));
            kinds.0 == kinds.1 && !matches!(kinds.0, Kind::Compound | Kind::Append)
        };
        let mut deadline = self.server.terms.deadline_of(hold);
        for part in batch.chunk_by(same_kind) {
            // While the store is away, or does not serve, one wait is for the whole batch.
            if !is_late(deadline) {
                deadline = self.deadline();
            }
            let given = match kind_of(&part[0]) {
                Kind::Compound => {
                    // What is rare takes its room only when it comes.
                    let reply = Box::pin(self.compound(deadline).execute(&part[0], hold)).await;
                    reply.into_iter().collect()
                }
                Kind::Own => {
                    let given = Box::pin(self.run_on_own(part, deadline, hold)).await;
                    Box::pin(self.catch_up()).await;
                    given
                }
                Kind::Append if part.len() == 1 => {
                    Box::pin(self.run_append(part, deadline, hold)).await
                }
                // Another thread may just have found a value long.
                Kind::Plain | Kind::Append => {
                    let run = Run::new(part, self.server.terms.max_reply);
                    let given =
                        run.finish(&self.server.node.link, &self.prefix, deadline, hold).await;
                    self.index.note(part, &given);
                    growth.learn(&self.prefix, part, &given);
                    given
                }
                Kind::Expensive => Box::pin(self.run_expensive(part, deadline, hold)).await,
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

    /// See [`super::Store::is_exhausted_by`].
    pub(super) fn is_exhausted_by(&self, account: &Account) -> bool {
        self.server.pins.are_exhausted_by(account)
    }

    /// See [`super::Store::health`].
    pub(super) fn health(&self) -> Health {
        self.server.node.link.health()
    }

    /// See [`super::Store::near_cache`].
    pub(super) fn near_cache(&self) -> Option<NearCache> {
        let figures = self.server.figures.as_ref()?;
        let live = self.server.node.link.live();
        let (keys, bytes) =
            live.as_ref().and_then(|live| live.cache()).map_or((0, 0), Cache::extent);
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Some(NearCache { hits: read(&figures.hits), misses: read(&figures.misses), keys, bytes })
    }

    /// Returns once the near cache knows what was seen or done on another connection: the server
    /// says on the shared one what has changed before it answers there.
    async fn catch_up(&self) {
        if let Some(connection) = self.server.node.link.live()
            && connection.cache().is_some()
        {
            // A cache whose connection is lost is empty.
            let _ = connection.send_one(Form::Status, &[b"PING"]).await;
        }
    }

    /// The same after `batch` was carried out there, which the near cache forgets the keys of even if
    /// what the server says is lost.
    async fn catch_up_with(&self, batch: &[Operation]) {
        self.catch_up().await;
        if let Some(connection) = self.server.node.link.live()
            && let Some(cache) = connection.cache()
        {
            cache.forget(&self.prefix, batch);
        }
    }

    /// See [`super::Store::close`].
    pub(super) async fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut indexes = self.server.indexes.subscribe();
        let written = async {
            self.index.write(&*self.server.node.link, Some(deadline)).await.is_ok()
                // Its own goes on until the end.
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
            max_reply: self.server.terms.max_reply,
            has_parts: self.server.terms.has_parts,
            deadline,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.server.terms.deadline()
    }
}

/// How an operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As one command, on the shared connection.
    Plain,
    /// The same, once it is known that the value does not become too long.
    Append,
    /// The same, few at a time.
    Expensive,
    /// As one command, on a connection of its own.
    Own,
    /// As several commands.
    Compound,
}

impl Kind {
    fn of(operation: &Operation) -> Kind {
        match operation.verb {
            verb if wants_own_connection(verb) => Kind::Own,
            verb if verb.is_compound() => Kind::Compound,
            _ if operation.is_expensive() => Kind::Expensive,
            _ => Kind::Plain,
        }
    }
}

/// Whether others must not have to wait for it, or for what its reply does to the connection.
fn wants_own_connection(verb: Verb) -> bool {
    matches!(verb, Verb::Eval | Verb::EvalSha | Verb::Script | Verb::Lcs)
}

impl Drop for Valkey {
    fn drop(&mut self) {
        self.index.end();
    }
}
