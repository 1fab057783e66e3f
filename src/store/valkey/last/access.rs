//! Access to the index of `last`, and to the values of its keys: over the link to the one server,
//! or to the nodes of a cluster that own the keys' slots.

use std::borrow::Cow;

use tokio::time::Instant;

use crate::message::Reply;
use crate::store::valkey::connect::link::Link;
use crate::store::valkey::keys::reply;
use crate::store::valkey::keys::reply::Fault;
use crate::store::valkey::wire::command::{Commands, Form};
use crate::store::valkey::wire::exchange::Lost;

/// Reaches the servers that hold the index and the keys that it names.
pub(crate) trait Access: Sync {
    /// Waits until the server that holds `key` can be reached, until `deadline`, or without limit.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn ready(
        &self,
        key: &[u8],
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<(), Cow<'static, str>>> + Send;

    /// Sends commands on `key` to its server, without waiting for the server. The commands may be
    /// sent twice. `commands` appends them. Each reply has the form `form` or is an error.
    ///
    /// # Errors
    ///
    /// The server is away.
    fn ask(
        &self,
        key: &[u8],
        form: Form,
        commands: impl Fn(&mut Commands) + Send,
    ) -> impl Future<Output = Result<Vec<Reply>, Lost>> + Send;

    /// The values of the keys, in order, from all servers.
    ///
    /// # Errors
    ///
    /// Why there are none.
    fn values(&self, keys: &[Vec<u8>]) -> impl Future<Output = Result<Vec<Reply>, Fault>> + Send;
}

impl Access for Link {
    async fn ready(&self, _: &[u8], deadline: Option<Instant>) -> Result<(), Cow<'static, str>> {
        self.connection(deadline).await.map(drop)
    }

    async fn ask(
        &self,
        _: &[u8],
        form: Form,
        commands: impl Fn(&mut Commands) + Send,
    ) -> Result<Vec<Reply>, Lost> {
        let Some(connection) = self.live() else {
            let cause = self.down().unwrap_or(Cow::Borrowed("connection lost"));
            return Err(Lost { cause, is_unsent: true });
        };
        let mut all = Commands::default();
        all.answered_by(form);
        commands(&mut all);
        connection.send(all).await
    }

    async fn values(&self, keys: &[Vec<u8>]) -> Result<Vec<Reply>, Fault> {
        let words: Vec<&[u8]> =
            [&b"MGET"[..]].into_iter().chain(keys.iter().map(AsRef::as_ref)).collect();
        let mut replies = self.ask(&[], Form::Array, |commands| commands.push(&words)).await?;
        reply::array(replies.pop().unwrap_or(Reply::Nil))
    }
}
