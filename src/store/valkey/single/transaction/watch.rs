//! Keys that one client watches, on a pinned connection.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::account::Account;
use crate::message::{ErrorReply, Reply};
use crate::store::operation;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::connect::pool::Lease;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::single::engine::Valkey;
use crate::store::valkey::wire::command::Commands;

/// Keys that one client watches. They are unwatched when this is dropped.
#[derive(Debug)]
pub struct Watch {
    /// The connection; `None` after the time limit.
    lease: Arc<Mutex<Option<Lease>>>,
    /// The time limit. It does not move when keys are added.
    end: Instant,
    timer: AbortHandle,
}

impl Watch {
    /// Keys that are watched on `lease` until `end`.
    pub(crate) fn until(end: Instant, lease: Lease) -> Watch {
        let lease = Arc::new(Mutex::new(Some(lease)));
        let held = Arc::clone(&lease);
        let timer = tokio::spawn(async move {
            tokio::time::sleep_until(end).await;
            let lease = held.lock().unwrap_or_else(PoisonError::into_inner).take();
            lease.into_iter().for_each(Lease::forget_and_give_back);
        });
        Watch { lease, end, timer: timer.abort_handle() }
    }

    /// The time limit.
    pub(crate) fn end(&self) -> Instant {
        self.end
    }

    /// The connection, if the keys are still watched on it.
    pub(crate) fn take(&self) -> Option<Lease> {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner).take();
        lease.filter(|lease| lease.left().is_none() && Instant::now() < self.end)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.timer.abort();
        self.take().into_iter().for_each(Lease::forget_and_give_back);
    }
}

impl Valkey {
    /// See [`crate::store::Store::watch`].
    pub(crate) async fn watch(
        &self,
        watch: Option<Watch>,
        keys: Vec<Bytes>,
        account: &Arc<Account>,
    ) -> Result<Watch, ErrorReply> {
        if keys.iter().any(|key| operation::is_reserved(key)) {
            return Err(operation::reserved());
        }
        let deadline = self.deadline();
        if let Some(watch) = watch {
            // The connection is gone, so the transaction will do nothing, whichever keys are added.
            let Some(lease) = watch.take() else { return Ok(watch) };
            return match self.watch_on(&lease, &keys).await {
                Ok(()) => Ok(Watch::until(watch.end, lease)),
                Err(Fault::Refused(Reply::Error(error))) => Err(error),
                Err(_) => Ok(watch),
            };
        }
        loop {
            let node = &self.server.node;
            let lease = node.pool.take(&node.link, account, deadline).await?;
            match self.watch_on(&lease, &keys).await {
                Ok(()) => {
                    return Ok(Watch::until(
                        Instant::now() + self.server.limits.watch_limit,
                        lease,
                    ));
                }
                Err(Fault::Refused(Reply::Error(error))) => return Err(error),
                Err(Fault::Lost(lost)) if is_late(deadline) => {
                    return Err(ErrorReply::Unavailable(lost.cause));
                }
                Err(_) => tokio::time::sleep(RETRY_WAIT).await,
            }
        }
    }

    async fn watch_on(&self, lease: &Lease, keys: &[Bytes]) -> Result<(), Fault> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut commands = Commands::default();
        self.prefix.watch(keys, &mut commands);
        let replies = lease.send(commands).await?;
        match reply::granted(replies.into_iter().next_back().unwrap_or(Reply::Nil))? {
            Reply::Status("OK") => {
                // Later reads must not be older than the watched values.
                self.catch_up().await;
                Ok(())
            }
            _ => Err(Fault::Refused(reply::unexpected())),
        }
    }
}
