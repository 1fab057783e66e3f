//! One live connection to the server, from its first reply to its end. It ends once, for one
//! cause, and everything in flight on it ends with it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use smallvec::{SmallVec, smallvec};
use tokio::sync::Notify;

use super::cause;

/// Replies as the server gave them, one for each command.
pub(super) type Values = SmallVec<[Value; 1]>;

/// Commands on their way to the server.
#[derive(Debug)]
pub(super) enum Packed {
    /// A single one, which travels with fewer allocations.
    One(Cmd),
    /// Several, in one write.
    Many(Pipeline),
}

/// The connection ended before all replies were there: what was sent was carried out, or not.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// Why.
    pub(super) cause: Cow<'static, str>,
}

/// Whether and why a connection has ended; its parts learn of it together.
#[derive(Debug, Default)]
pub(super) struct Ending {
    cause: OnceLock<Cow<'static, str>>,
    reached: Notify,
}

impl Ending {
    /// Ends the connection. The first cause stays.
    pub(super) fn end(&self, cause: Cow<'static, str>) {
        if self.cause.set(cause).is_ok() {
            self.reached.notify_waiters();
        }
    }

    /// The cause, once it has ended.
    pub(super) fn cause(&self) -> Option<&Cow<'static, str>> {
        self.cause.get()
    }

    /// Waits for the end.
    pub(super) async fn reached(&self) -> Lost {
        // Created before the look at the cause, so that no end falls between the two.
        let reached = self.reached.notified();
        if self.cause().is_none() {
            reached.await;
        }
        Lost { cause: self.cause().cloned().unwrap_or_default() }
    }
}

/// A live connection, shared by all requests.
#[derive(Debug)]
pub(super) struct Connection {
    redis: MultiplexedConnection,
    ending: Arc<Ending>,
    /// How long each reply may take.
    patience: Option<Duration>,
}

impl Connection {
    /// Wraps what the connector made. `ending` is what the crate's disconnect notification sets.
    pub(super) fn new(
        redis: MultiplexedConnection,
        ending: Arc<Ending>,
        patience: Option<Duration>,
    ) -> Connection {
        Connection { redis, ending, patience }
    }

    /// Whether and why it has ended.
    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Sends the commands and gives one reply for each. A reply that takes too long ends the
    /// connection, so that it cannot arrive later and be in the way.
    ///
    /// # Errors
    ///
    /// The crate does not tell a connection that ended before the commands were written from
    /// one that ended after, so every loss is taken for the worse.
    pub(super) async fn send(&self, packed: &Packed) -> Result<Values, Lost> {
        if let Some(cause) = self.ending.cause() {
            return Err(Lost { cause: cause.clone() });
        }
        let result = tokio::select! {
            biased;
            result = converse(self.redis.clone(), packed) => result,
            lost = self.ending.reached() => return Err(lost),
            patience = elapse(self.patience) => {
                self.ending.end(format!("no reply within {patience:?}").into());
                return Err(self.ending.reached().await);
            }
        };
        match result {
            Ok(values) => Ok(values),
            Err(error) => {
                self.ending.end(cause::of(&error));
                Err(self.ending.reached().await)
            }
        }
    }

    /// Sends one command and gives its reply.
    pub(super) async fn ask(&self, command: Cmd) -> Result<Value, Lost> {
        let values = self.send(&Packed::One(command)).await?;
        Ok(values.into_iter().next().unwrap_or(Value::Nil))
    }
}

async fn converse(mut redis: MultiplexedConnection, packed: &Packed) -> RedisResult<Values> {
    match packed {
        Packed::One(command) => Ok(smallvec![redis.send_packed_command(command).await?]),
        Packed::Many(pipeline) => {
            let count = pipeline.len();
            redis.send_packed_commands(pipeline, 0, count).await.map(SmallVec::from_vec)
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
