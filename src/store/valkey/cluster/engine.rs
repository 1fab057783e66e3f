//! The engine for a cluster. It sorts the operations of a batch by kind, and carries out each kind.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::kind::Kind;
use super::route::batch::Route;
use super::route::sender::Routes;
use super::topology::address::Address;
use super::topology::keeper::Topology;
use super::whole::walk::Whole;
use crate::account::Account;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::location;
use crate::store::operation::Operation;
use crate::store::options::Options;
use crate::store::state::{Health, OpenError};
use crate::store::valkey::connect::connector::Connector;
use crate::store::valkey::connect::limits::{Limits, is_late};
use crate::store::valkey::connect::login::Login;
use crate::store::valkey::cost::expense::Expenses;
use crate::store::valkey::cost::growth::Growth;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::single::guarded::Guarded;

/// The keys under one prefix on a cluster.
#[derive(Debug)]
pub struct Cluster {
    pub(super) shared: Arc<Shared>,
    pub(super) index: Arc<Index>,
    pub(super) prefix: Prefix,
}

/// The cluster, shared by all parts of the store.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) topology: Arc<Topology>,
    pub(super) limits: Limits,
    pub(super) expenses: Expenses,
    pub(super) growth: Growth,
    /// The number of indexes that may have unwritten changes: those of open parts, and for a moment
    /// those of closed ones.
    indexes: Sender<usize>,
    /// The task that keeps the map of slots.
    keeping: AbortHandle,
}

impl Cluster {
    /// Begins to connect and returns at once.
    ///
    /// # Errors
    ///
    /// [`OpenError::Config`] for TLS settings that cannot work, and for a near cache.
    pub(crate) fn open(
        cluster: &location::Cluster,
        options: Options,
    ) -> Result<Cluster, OpenError> {
        if options.cache > 0 {
            return Err(OpenError::Config("a cluster has no near cache".to_owned()));
        }
        let seeds: Vec<Address> = cluster.seeds.iter().filter_map(Address::of).collect();
        let Some(first) = cluster.seeds.first() else {
            return Err(OpenError::Config("a cluster without servers".to_owned()));
        };
        let login = Login::to_cluster(cluster, &options);
        let connector = Connector::new(first, login, &options, None)?;
        let topology = Topology::new(connector, seeds);
        let keeping = tokio::spawn({
            let (topology, name) = (Arc::clone(&topology), cluster.to_string());
            async move { topology.keep(name).await }
        });
        let limits = Limits::of(&options);
        let shared = Arc::new(Shared {
            topology,
            growth: Growth::new(limits.max_reply),
            limits,
            expenses: Expenses::new(),
            indexes: Sender::new(0),
            keeping: keeping.abort_handle(),
        });
        Ok(Cluster::under(Prefix::new(options.prefix), shared))
    }

    /// See [`crate::store::Store::part`].
    pub(crate) fn part(&self, name: &[u8]) -> Cluster {
        Cluster::under(self.prefix.then(name), Arc::clone(&self.shared))
    }

    fn under(prefix: Prefix, shared: Arc<Shared>) -> Cluster {
        let index = Arc::new(Index::new(prefix.index(), shared.limits.last_depth));
        shared.indexes.send_modify(|count| *count += 1);
        tokio::spawn({
            let (shared, index) = (Arc::clone(&shared), Arc::clone(&index));
            async move {
                index.keep(&*shared.topology).await;
                shared.indexes.send_modify(|count| *count -= 1);
            }
        });
        Cluster { shared, index, prefix }
    }

    /// See [`crate::store::Store::execute_within`]. Adjacent operations on keys share a round trip.
    /// Gives the replies that found room, maybe none.
    pub(crate) async fn execute(&self, batch: &[Operation], hold: &mut ReplyRoom) -> Vec<Reply> {
        let mut replies = Vec::new();
        let (growth, appended) = (&self.shared.growth, Growth::appended(batch));
        let kind_of = |operation: &Operation| match Kind::of(operation) {
            Kind::Keyed if growth.must_measure(&self.prefix, operation, appended) => Kind::Append,
            kind => kind,
        };
        let same_kind = |one: &Operation, next: &Operation| {
            let kind = kind_of(one);
            kind == kind_of(next) && matches!(kind, Kind::Keyed | Kind::Expensive)
        };
        let (limits, topology) = (&self.shared.limits, &*self.shared.topology);
        let mut deadline = limits.deadline_of(hold);
        for part in batch.chunk_by(same_kind) {
            // While the store is away, the whole batch waits only once.
            if !is_late(deadline) {
                deadline = limits.deadline();
            }
            let given = match kind_of(&part[0]) {
                Kind::Append if part.len() == 1 => {
                    self.guarded(deadline).run_append(part, hold).await
                }
                // More than one: another thread has just learnt that the value is long.
                Kind::Keyed | Kind::Append => {
                    let route = Route::new(topology, &self.prefix, limits.max_reply, part);
                    let given = route.finish(deadline, hold).await;
                    self.index.note(part, &given);
                    growth.learn(&self.prefix, part, &given);
                    given
                }
                Kind::Expensive => self.guarded(deadline).run_expensive(part, hold).await,
                Kind::Script => {
                    self.run_script(&part[0], deadline, hold).await.into_iter().collect()
                }
                Kind::Whole => {
                    let (prefix, index) = (&self.prefix, &*self.index);
                    let whole = Whole { topology, prefix, index, limits, deadline };
                    whole.execute(&part[0], hold).await.into_iter().collect()
                }
            };
            let is_cut = given.len() < part.len();
            replies.extend(given);
            if is_cut {
                break;
            }
        }
        replies
    }

    fn guarded(&self, deadline: Option<Instant>) -> Guarded<'_, Routes<'_>> {
        let Shared { topology, limits, expenses, growth, .. } = &*self.shared;
        let (prefix, index) = (&self.prefix, &*self.index);
        let sender = Routes { topology, prefix, max_reply: limits.max_reply };
        Guarded { sender, prefix, index, expenses, growth, deadline }
    }

    /// See [`crate::store::Store::is_exhausted_by`].
    pub(crate) fn is_exhausted_by(&self, account: &Account) -> bool {
        self.shared.topology.pins().are_exhausted_by(account)
    }

    /// See [`crate::store::Store::health`].
    pub(crate) fn health(&self) -> Health {
        self.shared.topology.health()
    }

    /// See [`crate::store::Store::close`].
    pub(crate) async fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut indexes = self.shared.indexes.subscribe();
        let written = async {
            self.index.write(&*self.shared.topology, Some(deadline)).await.is_ok()
                // The index of this part is counted until it is dropped.
                && indexes.wait_for(|count| *count <= 1).await.is_ok()
        };
        if !matches!(tokio::time::timeout_at(deadline, written).await, Ok(true)) {
            tracing::warn!("the newest entries of the index of last were not written");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.index.end();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}
