//! The engine for a cluster of Valkey or Redis servers. It routes by itself, over one connection to
//! each server as the engine for one server has it, since a write whose outcome is unknown must not
//! be sent again, and only what is routed here knows which those are.
//!
//! `topology` keeps the `map` of who serves which slot, which `discovery` finds out; `split` says
//! where an operation goes, and `route` carries it out there; `whole` is what concerns all servers,
//! `transaction` and `watch` what is of one.

mod route;
mod topology;
mod transaction;
mod watch;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::route::batch::Route;
use self::topology::address::Address;
use self::topology::keeper::Topology;
use self::transaction::is_script;
pub(in crate::store) use self::watch::Watch;
use self::whole::walk::Whole;
use super::connect::connector::Connector;
use super::connect::limits::{Terms, is_late};
use super::connect::login::Login;
use super::cost::expense::{Expenses, portion};
use super::cost::growth::Growth;
use super::keys::prefix::Prefix;
use super::keys::reply;
use super::last::index::Index;
use crate::account::Account;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::location;
use crate::store::operation::{Keys, Operation};
use crate::store::options::Options;
use crate::store::state::{Health, OpenError};

/// The keys under one prefix on a cluster.
#[derive(Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
    index: Arc<Index>,
    prefix: Prefix,
}

/// What all parts share.
#[derive(Debug)]
struct Shared {
    topology: Arc<Topology>,
    terms: Terms,
    expenses: Expenses,
    growth: Growth,
    /// Indexes whose changes are not all written for certain: those of the open parts, and of
    /// closed ones for a moment.
    indexes: Sender<usize>,
    /// Keeps the map; ends with the last that uses it.
    keeping: AbortHandle,
}

/// How an operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Where its keys are.
    Keyed,
    /// The same, once it is known that the value does not become too long.
    Append,
    /// The same, few at a time.
    Expensive,
    /// There, on a connection of its own.
    Script,
    /// On all servers.
    Whole,
}

impl Kind {
    fn of(operation: &Operation) -> Kind {
        match operation.verb.keys() {
            _ if is_script(operation) => Kind::Script,
            Keys::None => Kind::Whole,
            _ if operation.is_expensive() => Kind::Expensive,
            _ => Kind::Keyed,
        }
    }
}

impl Cluster {
    /// Begins to connect and returns at once.
    ///
    /// # Errors
    ///
    /// [`OpenError::Config`] for TLS settings that cannot work, and for a near cache.
    pub(in crate::store) fn open(
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
        let terms = Terms::of(&options);
        let shared = Arc::new(Shared {
            topology,
            growth: Growth::new(terms.max_reply),
            terms,
            expenses: Expenses::new(),
            indexes: Sender::new(0),
            keeping: keeping.abort_handle(),
        });
        Ok(Cluster::under(Prefix::new(options.prefix), shared))
    }

    /// See [`crate::store::Store::part`].
    pub(in crate::store) fn part(&self, name: &[u8]) -> Cluster {
        Cluster::under(self.prefix.then(name), Arc::clone(&self.shared))
    }

    fn under(prefix: Prefix, shared: Arc<Shared>) -> Cluster {
        let index = Arc::new(Index::new(prefix.index(), shared.terms.last_depth));
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

    /// See [`crate::store::Store::execute_within`]. Neighbours that name keys travel together. Gives
    /// the replies that there was room for, maybe none.
    pub(in crate::store) async fn execute(
        &self,
        batch: &[Operation],
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
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
        let (terms, topology) = (&self.shared.terms, &*self.shared.topology);
        let mut deadline = terms.deadline_of(hold);
        for part in batch.chunk_by(same_kind) {
            // One wait is for the whole batch.
            if !is_late(deadline) {
                deadline = terms.deadline();
            }
            let given = match kind_of(&part[0]) {
                Kind::Append if part.len() == 1 => self.run_append(part, deadline, hold).await,
                // Another thread may just have found a value long.
                Kind::Keyed | Kind::Append => {
                    let route = Route::new(topology, &self.prefix, terms.max_reply, part);
                    let given = route.finish(deadline, hold).await;
                    self.index.note(part, &given);
                    growth.learn(&self.prefix, part, &given);
                    given
                }
                Kind::Expensive => self.run_expensive(part, deadline, hold).await,
                Kind::Script => {
                    self.run_script(&part[0], deadline, hold).await.into_iter().collect()
                }
                Kind::Whole => {
                    let (prefix, index) = (&self.prefix, &*self.index);
                    let whole = Whole { topology, prefix, index, terms, deadline };
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

    /// Carries out one APPEND, unless it would make the value too long. Gives no reply if there was
    /// no room for one.
    async fn run_append(
        &self,
        part: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let Some(operation) = part.first() else { return Vec::new() };
        let Shared { topology, terms, growth, .. } = &*self.shared;
        let question = [Growth::question(operation)];
        let route = Route::new(topology, &self.prefix, terms.max_reply, &question);
        let length = route.finish(deadline, hold).await.pop();
        if let Some(error) = growth.refusal(operation, length.as_ref()) {
            return vec![Reply::Error(error)];
        }
        let route = Route::new(topology, &self.prefix, terms.max_reply, part);
        let given = route.finish(deadline, hold).await;
        growth.learn(&self.prefix, part, &given);
        self.index.note(part, &given);
        given
    }

    /// Carries out neighbouring operations that are expensive. Gives the replies that there was room
    /// for.
    async fn run_expensive(
        &self,
        batch: &[Operation],
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let (terms, topology) = (&self.shared.terms, &*self.shared.topology);
        let mut replies = Vec::with_capacity(batch.len());
        for part in batch.chunks(portion(batch)) {
            let place = match self.shared.expenses.enter(hold.account(), deadline).await {
                Ok(place) => place,
                Err(cause) => {
                    let refused = batch[replies.len()..].iter();
                    replies.extend(refused.map(|_| reply::unavailable(cause.clone())));
                    break;
                }
            };
            let route = Route::new(topology, &self.prefix, terms.max_reply, part);
            let given = route.finish(deadline, hold).await;
            drop(place);
            self.index.note(part, &given);
            let is_cut = given.len() < part.len();
            replies.extend(given);
            if is_cut {
                break;
            }
        }
        replies
    }

    /// See [`crate::store::Store::is_exhausted_by`].
    pub(in crate::store) fn is_exhausted_by(&self, account: &Account) -> bool {
        self.shared.topology.pins().are_exhausted_by(account)
    }

    /// See [`crate::store::Store::health`].
    pub(in crate::store) fn health(&self) -> Health {
        self.shared.topology.health()
    }

    /// See [`crate::store::Store::close`].
    pub(in crate::store) async fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut indexes = self.shared.indexes.subscribe();
        let written = async {
            self.index.write(&*self.shared.topology, Some(deadline)).await.is_ok()
                // Its own goes on until the end.
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
