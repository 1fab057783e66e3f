//! Operations that every node carries out as it is, such as FLUSHDB. Each node is asked once, even
//! if some are replaced meanwhile.

use std::borrow::Cow;
use std::collections::HashMap;

use futures_util::future::join_all;

use super::walk::Whole;
use crate::command::table::spec::{Merge, Route};
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cluster::topology::address::Address;
use crate::store::valkey::connect::limits::is_late;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;

impl Whole<'_> {
    /// Sends the operation to every node once, and merges the replies.
    pub(crate) async fn everywhere(&self, operation: &Operation) -> Reply {
        let mut replies: HashMap<Address, Reply> = HashMap::new();
        let is_read = !operation.is_write();
        loop {
            let cause = match self.topology.servers(self.deadline).await {
                Err(cause) if replies.is_empty() || is_read => return reply::unavailable(cause),
                Err(_) => break unknown(operation),
                Ok(all) => {
                    let missing = all.iter().filter(|(it, _)| !replies.contains_key(&it.address));
                    let asked = missing.map(|(member, connection)| async move {
                        let mut commands = Commands::default();
                        self.prefix.write(operation, &mut commands);
                        (member, connection.send(commands).await)
                    });
                    let (mut left, mut is_unknown) = (None, false);
                    for (member, told) in join_all(asked).await {
                        match told {
                            Ok(mut told) => {
                                let told = told.pop().unwrap_or(Reply::Nil);
                                match turned_away(&told) {
                                    Some(cause) => left = Some(cause),
                                    None => drop(replies.insert(member.address.clone(), told)),
                                }
                            }
                            Err(lost) => {
                                is_unknown |= !lost.is_unsent && !is_read;
                                left = Some(lost.cause);
                            }
                        }
                    }
                    match left {
                        _ if is_unknown => break unknown(operation),
                        None => break merge(operation, replies.into_values()),
                        Some(cause) => cause,
                    }
                }
            };
            if is_late(self.deadline) {
                let nothing_done = replies.is_empty() || is_read;
                return if nothing_done { reply::unavailable(cause) } else { unknown(operation) };
            }
            self.pause().await;
        }
    }
}

fn unknown(operation: &Operation) -> Reply {
    Reply::Error(ErrorReply::OutcomeUnknown(operation.name()))
}

/// The cause, if the node did nothing and will serve later: it does not serve yet, or has become a
/// replica.
fn turned_away(reply: &Reply) -> Option<Cow<'static, str>> {
    match reply {
        Reply::Error(ErrorReply::Coded(text)) => {
            let code = text.split(' ').next().unwrap_or_default();
            matches!(code, "LOADING" | "MASTERDOWN" | "READONLY" | "CLUSTERDOWN")
                .then(|| text.clone())
        }
        _ => None,
    }
}

/// Merges the replies of all nodes.
fn merge(operation: &Operation, replies: impl Iterator<Item = Reply>) -> Reply {
    let mut replies = replies.map(|reply| reply::plain(reply, usize::MAX));
    let Some(first) = replies.next() else { return reply::unexpected() };
    replies.fold(first, |one, other| match (operation.spec().route, one, other) {
        (_, Reply::Error(error), _) | (_, _, Reply::Error(error)) => Reply::Error(error),
        // LASTSAVE: data older than this is saved on all nodes.
        (Route::All(Merge::Least), Reply::Integer(one), Reply::Integer(other)) => {
            Reply::Integer(one.min(other))
        }
        // SCRIPT EXISTS: scripts that all nodes know.
        (Route::All(Merge::Least), Reply::Array(one), Reply::Array(other)) => {
            let both = one.into_iter().zip(other).map(|both| match both {
                (Reply::Integer(one), Reply::Integer(other)) => Reply::Integer(one.min(other)),
                (one, _) => one,
            });
            Reply::Array(both.collect())
        }
        (_, one, _) => one,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Args;

    fn merged(name: &str, replies: Vec<Reply>) -> Reply {
        let operation = Operation::named(name, Args::new()).expect("a command");
        merge(&operation, replies.into_iter())
    }

    #[test]
    fn all_servers_have_a_say() {
        let exists = |all: &[i64]| Reply::Array(all.iter().copied().map(Reply::Integer).collect());
        let both = vec![exists(&[1, 1, 0]), exists(&[1, 0, 1])];
        assert_eq!(merged("SCRIPT EXISTS", both), exists(&[1, 0, 0]));
        let saves = vec![Reply::Integer(7), Reply::Integer(5), Reply::Integer(6)];
        assert_eq!(merged("LASTSAVE", saves), Reply::Integer(5));
        let error = Reply::failed("no");
        assert_eq!(merged("PING", vec![Reply::Word("PONG".into()), error.clone()]), error);
        assert!(turned_away(&Reply::coded("READONLY You can't")).is_some());
        assert!(turned_away(&Reply::coded("NOPERM x")).is_none());
    }
}
