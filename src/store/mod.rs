//! The seam between commands and the engines that keep the data.
//!
//! A batch of [`Operation`]s goes in, a batch of replies comes out, in the same order and of the
//! same length. Both engines keep the promises of [`Store::execute`] and pass one contract suite
//! (`tests/contract`).

mod cost;
mod embedded;
pub(crate) mod integer;
mod location;
mod measure;
mod operation;
mod options;
mod room;
mod secret;
mod state;
mod valkey;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::account::Account;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};

pub(crate) use self::embedded::glob_matches;
pub use self::location::{Cluster, Location, LocationError, Sentinels, Server, Transport};
pub use self::operation::{Effect, Keys, Operation, Verb};
pub use self::options::{Options, Sync, Tls};
pub use self::secret::Secret;
pub use self::state::{Health, NearCache, OpenError};
pub use self::watch::Watch;

/// An open store.
#[derive(Debug)]
pub enum Store {
    /// A Valkey or Redis server, maybe one that sentinels know the address of.
    Valkey(valkey::Valkey),
    /// A cluster of them.
    Cluster(valkey::Cluster),
    /// A directory of this process's own.
    Embedded(embedded::Embedded),
}

impl Store {
    /// Opens the store. A server that is away is no error: the connection is made, and made
    /// again, in the background. Needs a running tokio runtime.
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

    /// The part of the store that is called `name`: keys apart from those of every other part, with
    /// an index of `last` of its own. No part's name may begin with another's, and the store itself
    /// then serves to look at all parts together; see [`Options::has_parts`].
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
    /// - A write that was answered without an error is there.
    /// - A write whose outcome is unknown is [`crate::message::ErrorReply::OutcomeUnknown`] with
    ///   the verb's name, and is never sent again.
    /// - Nothing waits longer than [`Options::timeout`] for a store that is away or for one
    ///   reply, except [`Verb::Save`], which waits until the data is on disk.
    /// - Keys that end as the name of the side index does, `\0kvsock:last`, are refused.
    pub async fn execute(&self, batch: Vec<Operation>) -> Vec<Reply> {
        self.attempt(batch, &mut ReplyRoom::unlimited()).await.0
    }

    /// Carries out as much of `batch` as there is room for, and gives back the rest.
    async fn attempt(
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
                // Apart, since every idle connection has room for the largest of these futures.
                let replies = Box::pin(engine.execute(&batch, hold)).await;
                let rest = batch.split_off(replies.len());
                (replies, rest)
            }
            Store::Embedded(engine) => engine.execute(batch, hold).await,
        };
        hold.learn(replies.iter().map(Reply::longest_value).max().unwrap_or(0));
        (replies, rest)
    }

    /// Watches `keys` for one client, besides those of `watch`: the transaction that is given the
    /// result takes place only if none of them was changed, by anybody, nor expired, meanwhile.
    /// What the client asked before has its replies already.
    ///
    /// # Errors
    ///
    /// Why nothing is watched any more, keys of `watch` included.
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

    /// Whether the clients of `account` have as many connections to the store for themselves as they
    /// may: each that watches keys has one.
    pub fn is_exhausted_by(&self, account: &Account) -> bool {
        match self {
            Store::Valkey(engine) => engine.is_exhausted_by(account),
            Store::Cluster(engine) => engine.is_exhausted_by(account),
            Store::Embedded(_) => false,
        }
    }

    /// Why `verb` cannot be a part of a transaction on this store, if it cannot.
    pub fn refuses_in_transaction(&self, verb: Verb) -> Option<ErrorReply> {
        match self {
            Store::Valkey(engine) => engine.refuses_in_transaction(verb),
            Store::Cluster(_) => valkey::Cluster::refuses_in_transaction(verb),
            Store::Embedded(_) => None,
        }
    }

    /// Carries out `batch` as one: nobody sees a part of it, and nothing happens in between.
    /// Gives [`Reply::Array`] of one reply for each operation; [`Reply::NilList`], with nothing
    /// done, when what was watched has changed; or an error, which is
    /// [`ErrorReply::OutcomeUnknown`] of `EXEC` when all of it was done or nothing.
    ///
    /// What [`Store::refuses_in_transaction`] refuses, and [`Verb::Save`], is an error.
    pub async fn transact(&self, watch: Option<Watch>, batch: Vec<Operation>) -> Reply {
        self.attempt_transaction(watch, batch, &mut ReplyRoom::unlimited()).await
    }

    /// As [`Store::transact`]; what the reply takes, `hold` does.
    async fn attempt_transaction(
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

    /// Whether the store answers now, as last seen; costs nothing.
    pub fn health(&self) -> Health {
        match self {
            Store::Valkey(engine) => engine.health(),
            Store::Cluster(engine) => engine.health(),
            Store::Embedded(engine) => engine.health(),
        }
    }

    /// What the near cache holds; `None` where there is none, see [`Options::cache`].
    pub fn near_cache(&self) -> Option<NearCache> {
        match self {
            Store::Valkey(engine) => engine.near_cache(),
            Store::Cluster(_) | Store::Embedded(_) => None,
        }
    }

    /// Writes what is still held back (the side index of `last`; unsynced data) and closes.
    /// Waits at most `limit`.
    pub async fn close(&self, limit: Duration) {
        match self {
            Store::Valkey(engine) => engine.close(limit).await,
            Store::Cluster(engine) => engine.close(limit).await,
            Store::Embedded(engine) => engine.close(limit).await,
        }
    }
}
