//! The open store: one of the engines.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::account::Account;
use crate::command::table::spec::Spec;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};

use super::check::Check;
use super::location::Location;
use super::operation::Operation;
use super::options::Options;
use super::state::{Health, NearCache, OpenError};
use super::watch::Watch;
use super::{embedded, valkey};

/// An open store.
#[derive(Debug)]
pub enum Store {
    /// A Valkey or Redis server, at a fixed address or named by sentinels.
    Valkey(valkey::Valkey),
    /// A cluster of Valkey or Redis servers.
    Cluster(valkey::Cluster),
    /// A directory on this host.
    Embedded(embedded::Embedded),
}

impl Store {
    /// Opens the store. A server that is away is no error: connections are made in the background.
    /// Needs a running tokio runtime.
    pub fn open(options: Options) -> Result<Store, OpenError> {
        match options.location.clone() {
            Location::Valkey(server) => valkey::Valkey::open(&server, options).map(Store::Valkey),
            Location::Sentinels(sentinels) => {
                valkey::Valkey::open_by_sentinels(&sentinels, options).map(Store::Valkey)
            }
            Location::Cluster(cluster) => {
                valkey::Cluster::open(&cluster, options).map(Store::Cluster)
            }
            Location::Embedded(path) => {
                embedded::Embedded::open(&path, options).map(Store::Embedded)
            }
        }
    }

    /// Looks at the store that `options` name, without serving from it and without changing it.
    pub async fn check(options: &Options) -> Check {
        match &options.location {
            Location::Valkey(server) => valkey::check::server(server, options).await,
            Location::Sentinels(sentinels) => valkey::check::sentinels(sentinels, options).await,
            Location::Cluster(cluster) => valkey::check::cluster(cluster, options).await,
            Location::Embedded(path) => embedded::check::check(path),
        }
    }

    /// The part of the store that is called `name`. Its keys are apart from those of all other
    /// parts, and it has its own index of `last`. No part's name may begin with another's. The
    /// store itself then shows all parts together; see [`Options::has_parts`].
    #[must_use]
    pub fn part(&self, name: &[u8]) -> Store {
        match self {
            Store::Valkey(engine) => Store::Valkey(engine.part(name)),
            Store::Cluster(engine) => Store::Cluster(engine.part(name)),
            Store::Embedded(engine) => Store::Embedded(engine.part(name)),
        }
    }

    /// Carries out `batch` and gives one reply for each operation, in order.
    ///
    /// - A write whose reply is no error is done.
    /// - A write whose outcome is unknown is [`crate::message::ErrorReply::OutcomeUnknown`] with
    ///   the name of the server's command, and is never sent again.
    /// - Nothing waits longer than [`Options::timeout`] for a store that is away or for one reply,
    ///   except `SAVE`, which waits until the data is on disk.
    /// - Keys that end as the name of the side index does, `\0kvsock:last`, are refused.
    pub async fn execute(&self, batch: Vec<Operation>) -> Vec<Reply> {
        self.attempt(batch, &mut ReplyRoom::unlimited()).await.0
    }

    /// Carries out as many operations of `batch` as replies find room, and gives back the others.
    pub(super) async fn attempt(
        &self,
        mut batch: Vec<Operation>,
        hold: &mut ReplyRoom,
    ) -> (Vec<Reply>, Vec<Operation>) {
        let asked = batch.iter().flat_map(|operation| operation.args.iter().map(Bytes::len));
        hold.learn(asked.max().unwrap_or(0));
        let (replies, rest) = match self {
            Store::Valkey(engine) => {
                let replies = engine.execute(&batch, hold).await;
                let rest = batch.split_off(replies.len());
                (replies, rest)
            }
            Store::Cluster(engine) => {
                // Boxed, since every idle connection has space for the largest of these futures.
                let replies = Box::pin(engine.execute(&batch, hold)).await;
                let rest = batch.split_off(replies.len());
                (replies, rest)
            }
            Store::Embedded(engine) => engine.execute(batch, hold).await,
        };
        hold.learn(replies.iter().map(Reply::longest_value).max().unwrap_or(0));
        (replies, rest)
    }

    /// Watches `keys` for one client, in addition to those of `watch`. A transaction with the
    /// result takes place only if no client has changed one of the keys, and none has expired. The
    /// client's earlier requests have their replies already.
    ///
    /// # Errors
    ///
    /// Why no key is watched any more, including those of `watch`.
    pub async fn watch(&self, watch: Option<Watch>, keys: Vec<Bytes>) -> Result<Watch, ErrorReply> {
        self.watch_for(&Account::own(), watch, keys).await
    }

    /// As [`Store::watch`], for a client of `account`.
    ///
    /// # Errors
    ///
    /// As of [`Store::watch`].
    pub async fn watch_for(
        &self,
        account: &Arc<Account>,
        watch: Option<Watch>,
        keys: Vec<Bytes>,
    ) -> Result<Watch, ErrorReply> {
        match (self, watch) {
            (Store::Valkey(engine), Some(Watch::Valkey(watch))) => {
                engine.watch(Some(watch), keys, account).await.map(Watch::Valkey)
            }
            (Store::Valkey(engine), _) => {
                engine.watch(None, keys, account).await.map(Watch::Valkey)
            }
            (Store::Cluster(engine), Some(Watch::Cluster(watch))) => {
                let watching = engine.watch(Some(watch), keys, account);
                Box::pin(watching).await.map(Watch::Cluster)
            }
            (Store::Cluster(engine), _) => {
                Box::pin(engine.watch(None, keys, account)).await.map(Watch::Cluster)
            }
            (Store::Embedded(engine), Some(Watch::Embedded(watch))) => {
                engine.watch(Some(watch), keys).await.map(Watch::Embedded)
            }
            (Store::Embedded(engine), _) => engine.watch(None, keys).await.map(Watch::Embedded),
        }
    }

    /// Whether the clients of `account` have as many pinned connections as they may. Each client
    /// that watches keys has one.
    pub fn is_exhausted_by(&self, account: &Account) -> bool {
        match self {
            Store::Valkey(engine) => engine.is_exhausted_by(account),
            Store::Cluster(engine) => engine.is_exhausted_by(account),
            Store::Embedded(_) => false,
        }
    }

    /// The error, if the command of `spec` cannot be a part of a transaction on this store.
    pub fn refuses_in_transaction(&self, spec: &'static Spec) -> Option<ErrorReply> {
        match self {
            Store::Valkey(engine) => engine.refuses_in_transaction(spec),
            Store::Cluster(_) => valkey::Cluster::refuses_in_transaction(spec),
            Store::Embedded(_) => None,
        }
    }

    /// Carries out `batch` as a transaction: no client sees a part of it, and no other request runs
    /// in between. Gives [`Reply::Array`] of one reply for each operation; or [`Reply::NilList`],
    /// with nothing done, if a watched key has changed; or an error, which is
    /// [`ErrorReply::OutcomeUnknown`] of `EXEC` if the outcome is unknown.
    ///
    /// Operations that [`Store::refuses_in_transaction`] refuses are an error, and so is
    /// `SAVE`.
    pub async fn transact(&self, watch: Option<Watch>, batch: Vec<Operation>) -> Reply {
        self.attempt_transaction(watch, batch, &mut ReplyRoom::unlimited()).await
    }

    /// As [`Store::transact`]; `hold` takes the room of the reply.
    pub(super) async fn attempt_transaction(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        match (self, watch) {
            (Store::Valkey(engine), Some(Watch::Valkey(watch))) => {
                engine.transact(Some(watch), batch, hold).await
            }
            (Store::Valkey(engine), _) => engine.transact(None, batch, hold).await,
            (Store::Cluster(engine), Some(Watch::Cluster(watch))) => {
                Box::pin(engine.transact(Some(watch), batch, hold)).await
            }
            (Store::Cluster(engine), _) => Box::pin(engine.transact(None, batch, hold)).await,
            (Store::Embedded(engine), Some(Watch::Embedded(watch))) => {
                let reply = engine.transact(Some(watch), batch, hold.account()).await;
                hold.force(reply.data_len());
                reply
            }
            (Store::Embedded(engine), _) => {
                let reply = engine.transact(None, batch, hold.account()).await;
                hold.force(reply.data_len());
                reply
            }
        }
    }

    /// Whether the store answers now, as last seen. Costs nothing.
    pub fn health(&self) -> Health {
        match self {
            Store::Valkey(engine) => engine.health(),
            Store::Cluster(engine) => engine.health(),
            Store::Embedded(engine) => engine.health(),
        }
    }

    /// The extent of the near cache; `None` if there is none, see [`Options::cache`].
    pub fn near_cache(&self) -> Option<NearCache> {
        match self {
            Store::Valkey(engine) => engine.near_cache(),
            Store::Cluster(_) | Store::Embedded(_) => None,
        }
    }

    /// Writes unwritten changes (the side index of `last`, unsynced data) and closes. Waits at most
    /// `limit`.
    pub async fn close(&self, limit: Duration) {
        match self {
            Store::Valkey(engine) => engine.close(limit).await,
            Store::Cluster(engine) => engine.close(limit).await,
            Store::Embedded(engine) => engine.close(limit).await,
        }
    }
}
