//! Whether a transaction may be sent, and on which connection: a server carries it out in one go, and
//! serves nobody else meanwhile.

use super::kind::wants_own_connection;
use super::transaction::Transaction;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cost::estimate;
use crate::store::valkey::cost::estimate::Estimate;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::error_text;
use crate::store::valkey::wire::exchange::Lost;

/// Operations that a server carries out in a moment.
const MOST_CHEAP: usize = 10_000;

/// Operations of a transaction on the shared connection, where others wait behind it. More have a
/// connection of their own.
const MOST_SHARED: usize = 100;

/// Why a transaction is not sent.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The connection went, or the server does not serve.
    Lost(Lost),
    /// The server would need too long for it.
    TooExpensive(ErrorReply),
}

impl Transaction<'_> {
    /// Whether it may not be sent on the connection that others share.
    pub(crate) fn wants_own_connection(&self) -> bool {
        self.batch.len() > MOST_SHARED
            || self.batch.iter().any(|it| {
                wants_own_connection(it.verb) || it.is_expensive() || self.may_outgrow(it)
            })
    }

    /// Whether the operation may make a value longer than any may be.
    fn may_outgrow(&self, operation: &Operation) -> bool {
        self.growth.must_measure_within(self.within.prefix, operation)
    }

    /// Whether the server may need more than a moment for it.
    pub(crate) fn is_expensive(&self) -> bool {
        self.batch.len() > MOST_CHEAP || self.batch.iter().any(Operation::is_expensive)
    }

    /// Finds out whether the server may be asked for all of it at once, on the connection that it is
    /// then sent on. The values that this depends on are watched from then on, so that nothing is
    /// carried out if they change.
    ///
    /// # Errors
    ///
    /// Why it is not to be sent.
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
            // Nothing is done yet.
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
            // What has no length as a text the operation refuses, as does a server for its reasons.
            _ => 0,
        });
        let estimate = Estimate::new(keys.into_iter().zip(lengths), self.max_reply);
        estimate.admit(self.sent()).map_err(Unfit::TooExpensive)
    }
}

/// The reply to a transaction of which nothing is carried out.
pub(crate) fn discarded(error: &ErrorReply) -> Reply {
    let cause = error_text::of_reply(error);
    Reply::coded(format!("EXECABORT Transaction discarded because of: {cause}"))
}

/// The reply where the values that the cost depends on change again and again.
pub(crate) fn unsettled() -> Reply {
    let error = ErrorReply::Failed("values change too fast to find out what it costs".into());
    discarded(&error)
}
