//! A connection that one client has for itself for a while, made by the `redis` crate: for what it
//! watches, and for scripts, which may answer whatever they like.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};

use super::connection::Ending;
use super::question::Lost;
use super::refusal::Refusal;
use super::{cause, value};
use crate::message::Reply;

/// Commands on their way to the server.
#[derive(Debug)]
pub(super) enum Packed {
    /// A single one.
    One(Cmd),
    /// Several, in one write.
    Many(Pipeline),
}

/// A live connection.
#[derive(Debug)]
pub(super) struct Single {
    redis: MultiplexedConnection,
    ending: Arc<Ending>,
    /// How long each reply may take.
    patience: Option<Duration>,
    /// See [`Single::for_master`].
    is_for_master: bool,
}

impl Single {
    /// Wraps what the connector made. `ending` is what the crate's disconnect notification sets.
    pub(super) fn new(
        redis: MultiplexedConnection,
        ending: Arc<Ending>,
        patience: Option<Duration>,
    ) -> Single {
        Single { redis, ending, patience, is_for_master: false }
    }

    /// See [`super::connection::Connection::for_master`].
    pub(super) fn for_master(self, is_for_master: bool) -> Single {
        Single { is_for_master, ..self }
    }

    /// Why a server that has to be a master refused one of these, which it did not carry out.
    pub(super) fn refusal(&self, replies: &[Reply]) -> Option<Cow<'static, str>> {
        if !self.is_for_master {
            return None;
        }
        let (_, refusal, cause) = Refusal::first(replies)?;
        if refusal == Refusal::Replica {
            self.ending.end(cause.clone());
        }
        Some(cause)
    }

    /// Whether and why it has ended.
    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Sends the commands and gives one reply for each. A reply that takes too long ends the
    /// connection, so that it cannot arrive later and be in the way.
    pub(super) async fn send(&self, packed: &Packed) -> Result<Vec<Reply>, Lost> {
        if let Some(cause) = self.ending.cause() {
            return Err(Lost { cause: cause.clone(), is_unsent: true });
        }
        let result = tokio::select! {
            biased;
            result = converse(self.redis.clone(), packed) => result,
            cause = self.ending.reached() => return Err(lost(cause)),
            patience = elapse(self.patience) => {
                self.ending.end(format!("no reply within {patience:?}").into());
                return Err(lost(self.ending.reached().await));
            }
        };
        match result {
            Ok(values) => Ok(values.into_iter().map(value::to_reply).collect()),
            Err(error) => {
                self.ending.end(cause::of(&error));
                Err(lost(self.ending.reached().await))
            }
        }
    }

    /// Sends one command and gives its reply.
    pub(super) async fn ask(&self, command: Cmd) -> Result<Reply, Lost> {
        let mut replies = self.send(&Packed::One(command)).await?;
        Ok(replies.pop().unwrap_or(Reply::Nil))
    }
}

/// What was handed over was perhaps sent: the crate does not tell.
fn lost(cause: Cow<'static, str>) -> Lost {
    Lost { cause, is_unsent: false }
}

async fn converse(mut redis: MultiplexedConnection, packed: &Packed) -> RedisResult<Vec<Value>> {
    match packed {
        Packed::One(command) => Ok(vec![redis.send_packed_command(command).await?]),
        Packed::Many(pipeline) => {
            let count = pipeline.len();
            redis.send_packed_commands(pipeline, 0, count).await
        }
    }
}

/// Ends when the patience does.
async fn elapse(patience: Option<Duration>) -> Duration {
    match patience {
        Some(patience) => {
            tokio::time::sleep(patience).await;
            patience
        }
        None => std::future::pending().await,
    }
}
