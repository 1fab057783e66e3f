//! A connection by the `redis` crate, for short questions of kvsock's own: sentinels are asked and
//! listened to on it. Nothing crosses it that a client can enlarge.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use redis::Pipeline;
use redis::aio::MultiplexedConnection;

use super::value;
use crate::message::Reply;
use crate::store::valkey::wire::ending::Ending;
use crate::store::valkey::wire::error_text;

/// A live connection.
#[derive(Debug)]
pub(crate) struct Single {
    redis: MultiplexedConnection,
    ending: Arc<Ending>,
    /// How long the replies may take.
    patience: Option<Duration>,
}

impl Single {
    /// Wraps what the connector made. `ending` is what the crate's disconnect notification sets.
    pub(crate) fn new(
        redis: MultiplexedConnection,
        ending: Arc<Ending>,
        patience: Option<Duration>,
    ) -> Single {
        Single { redis, ending, patience }
    }

    /// Whether and why it has ended.
    pub(crate) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Sends the commands and gives one reply for each.
    ///
    /// # Errors
    ///
    /// The cause, in words.
    pub(crate) async fn ask(&self, commands: &Pipeline) -> Result<Vec<Reply>, Cow<'static, str>> {
        let (mut redis, count) = (self.redis.clone(), commands.len());
        tokio::select! {
            biased;
            values = redis.send_packed_commands(commands, 0, count) => {
                let values = values.map_err(|error| error_text::of(&error))?;
                Ok(values.into_iter().map(value::to_reply).collect())
            }
            cause = self.ending.reached() => Err(cause),
            patience = elapse(self.patience) => {
                Err(format!("no reply within {patience:?}").into())
            }
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
