//! Decides whether a transaction may be sent, and on which connection. The server executes it in
//! one go and serves no one else meanwhile.

use super::multi::Transaction;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cost::estimate;
use crate::store::valkey::cost::estimate::Estimate;
use crate::store::valkey::keys::reply;
use crate::store::valkey::single::kind::wants_own_connection;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::Lost;

/// The most cheap operations in a transaction that is not expensive.
const MOST_CHEAP: usize = 10_000;

/// The most operations in a transaction on the shared connection, where other requests wait behind
/// it. A longer one takes a pinned connection.
const MOST_SHARED: usize = 100;

/// The most attempts at a transaction whose keys change while its cost is estimated.
pub(crate) const ATTEMPTS: usize = 10;

/// Why a transaction is not sent.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The connection ended, or the server does not serve.
    Lost(Lost),
    /// The server would need too long.
    TooExpensive(ErrorReply),
}

impl Transaction<'_> {
    /// Whether the transaction needs a pinned connection.
    pub(crate) fn wants_own_connection(&self) -> bool {
        self.batch.len() > MOST_SHARED
            || self
                .batch
                .iter()
                .any(|it| wants_own_connection(it) || it.is_expensive() || self.may_outgrow(it))
    }

    /// Whether the operation may make a value longer than the limit.
    fn may_outgrow(&self, operation: &Operation) -> bool {
        self.growth.must_measure_within(self.within.prefix, operation)
    }

    /// Whether the transaction counts as expensive for the server.
    pub(crate) fn is_expensive(&self) -> bool {
        self.batch.len() > MOST_CHEAP || self.batch.iter().any(Operation::is_expensive)
    }

    /// Decides whether the server may execute the whole transaction at once. `connection` is the
    /// one that the transaction is sent on. Watches the values that the decision depends on, so
    /// that EXEC does nothing if they change.
    ///
    /// # Errors
    ///
    /// Why the transaction is not to be sent.
    pub(crate) async fn admit(
        &self,
        connection: &Connection,
        is_detour: bool,
    ) -> Result<(), Unfit> {
        let keys =
            estimate::keys(self.sent(), |it| self.may_outgrow(it)).map_err(Unfit::TooExpensive)?;
        if keys.is_empty() {
            return Ok(());
        }
        let mut commands = Commands::default();
        let mut ask = |append: &dyn Fn(&mut Commands)| {
            if is_detour {
                commands.push(&[b"ASKING"]);
            }
            append(&mut commands);
        };
        ask(&|commands| {
            commands.begin(1 + keys.len());
            commands.word(b"WATCH");
            for key in &keys {
                commands.word(&self.within.prefix.stored(key));
            }
        });
        for key in &keys {
            ask(&|commands| commands.push(&[b"STRLEN", &self.within.prefix.stored(key)]));
        }
        let mut replies = connection.send(commands).await.map_err(|lost| {
            // No operation was sent.
            Unfit::Lost(Lost { is_unsent: true, ..lost })
        })?;
        if is_detour {
            replies = replies.into_iter().skip(1).step_by(2).collect();
        }
        if let Some(cause) = replies.iter().find_map(reply::not_serving) {
            return Err(Unfit::Lost(Lost { cause, is_unsent: true }));
        }
        let lengths = replies.into_iter().skip(1).map(|reply| match reply {
            Reply::Integer(length) => usize::try_from(length).unwrap_or(0),
            // The operation will fail, too: its value is no string, or the server refuses it.
            _ => 0,
        });
        let estimate = Estimate::new(keys.into_iter().zip(lengths), self.max_reply);
        estimate.admit(self.sent()).map_err(Unfit::TooExpensive)
    }
}

/// The reply to a transaction of which no operation was carried out.
pub(crate) fn discarded(error: &ErrorReply) -> Reply {
    let cause = error_text::of_reply(error);
    Reply::coded(format!("EXECABORT Transaction discarded because of: {cause}"))
}

/// The reply when the values that the cost depends on keep changing.
pub(crate) fn unsettled() -> Reply {
    let error = ErrorReply::Failed("values change too fast to find out what it costs".into());
    discarded(&error)
}
