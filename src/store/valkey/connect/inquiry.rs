//! A connection by the `redis` crate, for kvsock's own small questions: of sentinels, and of
//! `--check=store`. Nothing that a client can enlarge crosses it, since the crate buffers replies
//! without a bound.

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
pub(crate) struct Inquiry {
    redis: MultiplexedConnection,
    ending: Arc<Ending>,
    /// The longest wait for replies; `None` is without limit.
    reply_timeout: Option<Duration>,
}

impl Inquiry {
    /// Wraps a new connection. The crate's disconnect notification sets `ending`.
    pub(crate) fn new(
        redis: MultiplexedConnection,
        ending: Arc<Ending>,
        reply_timeout: Option<Duration>,
    ) -> Inquiry {
        Inquiry { redis, ending, reply_timeout }
    }

    /// The end of the connection: whether it was reached, and its cause.
    pub(crate) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Sends the commands, and gives one reply to each.
    ///
    /// # Errors
    ///
    /// The cause, as text.
    pub(crate) async fn ask(&self, commands: &Pipeline) -> Result<Vec<Reply>, Cow<'static, str>> {
        let (mut redis, count) = (self.redis.clone(), commands.len());
        tokio::select! {
            biased;
            values = redis.send_packed_commands(commands, 0, count) => {
                let values = values.map_err(|error| error_text::of(&error))?;
                Ok(values.into_iter().map(value::to_reply).collect())
            }
            cause = self.ending.reached() => Err(cause),
            reply_timeout = elapse(self.reply_timeout) => {
                Err(format!("no reply within {reply_timeout:?}").into())
            }
        }
    }
}

/// Returns after `reply_timeout`, or never.
async fn elapse(reply_timeout: Option<Duration>) -> Duration {
    match reply_timeout {
        Some(reply_timeout) => {
            tokio::time::sleep(reply_timeout).await;
            reply_timeout
        }
        None => std::future::pending().await,
    }
}
