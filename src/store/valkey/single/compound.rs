//! Carries out operations that take several commands. Reads begin again when the connection is
//! lost.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::pipeline::Run;
use super::{random, save, scan};
use crate::command::table::spec::Own;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cache::Cache;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::connect::link::Link;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::last::index::Index;
use crate::store::valkey::last::read;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::Lost;

/// The context of an operation.
pub(crate) struct Compound<'a> {
    pub(crate) link: &'a Link,
    pub(crate) prefix: &'a Prefix,
    pub(crate) index: &'a Index,
    pub(crate) max_reply: usize,
    /// Whether parts of the store have indexes of their own.
    pub(crate) has_parts: bool,
    /// Bounds the wait for a connection.
    pub(crate) deadline: Option<Instant>,
}

impl Compound<'_> {
    /// Carries out one operation. `None` if the reply finds no room; then nothing was done.
    pub(crate) async fn execute(
        &self,
        operation: &Operation,
        hold: &mut ReplyRoom,
    ) -> Option<Reply> {
        match operation.own() {
            Own::Clear if self.prefix.is_empty() => Some(self.clear_all(operation).await),
            Own::Clear => Some(self.clear(operation).await),
            Own::Save => Some(self.save().await),
            _ => self.read(operation, hold).await,
        }
    }

    async fn read(&self, operation: &Operation, hold: &mut ReplyRoom) -> Option<Reply> {
        loop {
            let mut part = hold.take();
            let fault = match self.link.connection(self.deadline).await {
                Ok(connection) => match self.read_on(&connection, operation, &mut part).await {
                    Ok(reply) => {
                        hold.join(part);
                        return Some(reply);
                    }
                    Err(fault) => fault,
                },
                Err(cause) => return Some(reply::unavailable(cause)),
            };
            match fault {
                Fault::NoRoom => return None,
                Fault::Refused(reply) => return Some(reply),
                Fault::Lost(lost) if is_late(self.deadline) => {
                    return Some(reply::unavailable(lost.cause));
                }
                Fault::Lost(_) => tokio::time::sleep(RETRY_WAIT).await,
            }
        }
    }

    async fn read_on(
        &self,
        connection: &Arc<Connection>,
        operation: &Operation,
        hold: &mut ReplyRoom,
    ) -> Result<Reply, Fault> {
        match operation.own() {
            Own::Last => {
                let count = count(operation)?;
                self.index.write(self.link, self.deadline).await.map_err(lost)?;
                let place = (self.prefix, self.index);
                read::last(self.link, place, count, self.max_reply, hold).await
            }
            Own::RandomKey => random::random_key(connection, self.prefix).await,
            Own::Size => {
                let index = (!self.has_parts).then_some(self.index);
                scan::size(connection, self.prefix, index).await
            }
            _ => {
                let pattern = operation.args.first().map_or(&b"*"[..], AsRef::as_ref);
                scan::keys(
                    std::slice::from_ref(connection),
                    self.prefix,
                    pattern,
                    self.max_reply,
                    hold,
                )
                .await
            }
        }
    }

    /// Removes the whole database.
    async fn clear_all(&self, operation: &Operation) -> Reply {
        let _paused = self.index.pause().await;
        let batch = std::slice::from_ref(operation);
        let run = Run::new(batch, self.max_reply);
        let mut replies =
            run.finish(self.link, self.prefix, self.deadline, &mut ReplyRoom::unlimited()).await;
        if replies == [Reply::OK] {
            // Replies arrive in order: changes noted by now precede the FLUSHDB on the server.
            let mut pending = self.index.pending();
            let stamp = pending.stamp();
            pending.clear(stamp);
        }
        replies.pop().unwrap_or_else(reply::unexpected)
    }

    /// Removes all keys under the prefix.
    async fn clear(&self, operation: &Operation) -> Reply {
        let _paused = self.index.pause().await;
        let stamp = self.index.pending().stamp();
        let mut begun = false;
        loop {
            let cleared = match self.link.connection(self.deadline).await {
                Ok(connection) => {
                    let cleared = scan::clear(&connection, self.prefix, &mut begun).await;
                    connection.cache().into_iter().for_each(Cache::clear);
                    cleared
                }
                Err(cause) => return reply::unavailable(cause),
            };
            match cleared {
                Ok(()) => {
                    self.index.pending().clear(stamp);
                    return Reply::OK;
                }
                Err(Fault::Refused(reply)) => return reply,
                Err(Fault::NoRoom) => return reply::unexpected(),
                Err(Fault::Lost(_)) if begun => {
                    return Reply::Error(ErrorReply::OutcomeUnknown(operation.name()));
                }
                Err(Fault::Lost(lost)) if is_late(self.deadline) => {
                    return reply::unavailable(lost.cause);
                }
                Err(Fault::Lost(_)) => tokio::time::sleep(RETRY_WAIT).await,
            }
        }
    }

    async fn save(&self) -> Reply {
        let connection = match self.link.connection(self.deadline).await {
            Ok(connection) => connection,
            Err(cause) => return reply::unavailable(cause),
        };
        let mut begun = false;
        match save::save(&connection, &mut begun).await {
            Ok(reply) | Err(Fault::Refused(reply)) => reply,
            Err(Fault::NoRoom) => reply::unexpected(),
            Err(Fault::Lost(lost)) => save::interrupted(lost, begun),
        }
    }
}

fn lost(cause: Cow<'static, str>) -> Fault {
    Fault::Lost(Lost { cause, is_unsent: true })
}

/// The argument of `Last`.
pub(crate) fn count(operation: &Operation) -> Result<usize, Fault> {
    operation
        .args
        .first()
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| text.parse().ok())
        .filter(|count| *count > 0)
        .ok_or_else(|| Fault::Refused(Reply::failed("value is out of range, must be positive")))
}
