//! Transactions and scripts on keys of one slot. Scripts are sent within MULTI, too: there a node
//! redirects before it executes anything, and a script's own reply cannot be mistaken for a
//! redirection.

use std::borrow::Cow;

use tokio::time::Instant;

use super::engine::Cluster;
use super::route::lease::Place;
use super::route::part::MOST_HOPS;
use super::route::redirect::Redirect;
use super::route::split;
use super::slot::Slot;
use super::topology::address::Address;
use super::watch::Watch;
use crate::account;
use crate::command::table::spec::{Own, Spec};
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::keys::reply;
use crate::store::valkey::single::script::{alone, is_to_be_asked_again};
use crate::store::valkey::single::transaction::admission::{ATTEMPTS, Unfit, discarded, unsettled};
use crate::store::valkey::single::transaction::multi::Transaction;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::Answer;

impl Cluster {
    /// See [`crate::store::Store::transact`].
    pub(crate) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        let deadline = self.shared.limits.deadline_of(hold);
        if let Some(refusal) =
            batch.iter().find_map(|it| Cluster::refuses_in_transaction(it.spec()))
        {
            return Reply::Error(refusal);
        }
        let transaction = self.transaction(&batch);
        let keys = transaction.sent().flat_map(Operation::keys);
        let slot = match split::one_slot(&self.prefix, keys) {
            Ok(slot) => slot,
            Err(refusal) => return refusal,
        };
        let _place = match self.enter(&transaction, deadline, hold).await {
            Ok(place) => place,
            Err(cause) => return reply::unavailable(cause),
        };
        if let Some(watch) = watch {
            return self.transact_watched(&watch, slot, &transaction, hold).await;
        }
        let place = Place { slot: slot.unwrap_or(Slot::ANY), detour: None };
        match self.run(place, &transaction, deadline, hold).await {
            Ok(answer) => transaction.outcome(answer),
            Err(refusal) => refusal,
        }
    }

    /// See [`crate::store::Store::refuses_in_transaction`].
    pub(crate) fn refuses_in_transaction(spec: &Spec) -> Option<ErrorReply> {
        is_of_all_servers(spec).then(|| {
            let name = spec.name;
            let text = format!("{name} cannot be a part of a transaction on a cluster");
            ErrorReply::Failed(text.into())
        })
    }

    /// A place among the expensive operations, if the transaction is one.
    async fn enter(
        &self,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
        hold: &ReplyRoom,
    ) -> Result<Option<account::Place>, Cow<'static, str>> {
        if !transaction.is_expensive() {
            return Ok(None);
        }
        self.shared.expenses.enter(hold.account(), deadline).await.map(Some)
    }

    async fn transact_watched(
        &self,
        watch: &Watch,
        slot: Option<Slot>,
        transaction: &Transaction<'_>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        if slot.is_some_and(|slot| !watch.is_of(slot)) {
            return split::cross_slot();
        }
        let Some(lease) = watch.take() else { return Reply::NilList };
        match send_on(&lease, transaction, watch.is_on_detour(), hold).await {
            // The server forgot the watched keys with the connection.
            Err(Unfit::Lost(lost)) if lost.is_unsent => Reply::NilList,
            Err(Unfit::Lost(lost)) => transaction.lost(lost),
            Err(Unfit::TooExpensive(error)) => {
                lease.forget_and_give_back();
                discarded(&error)
            }
            // The slot has moved, with its keys. They count as changed.
            Ok(answer) if verdict(transaction, &answer.replies, watch.address()).is_some() => {
                Reply::NilList
            }
            Ok(answer) => {
                lease.give_back();
                transaction.outcome(answer)
            }
        }
    }

    /// Carries out a script or another operation on a pinned connection. `None` if the reply finds
    /// no room and the operation may be sent again.
    pub(super) async fn run_script(
        &self,
        operation: &Operation,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Option<Reply> {
        let reply = self.run_alone(operation, deadline, hold).await;
        (!is_to_be_asked_again(operation, &reply)).then_some(reply)
    }

    async fn run_alone(
        &self,
        operation: &Operation,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Reply {
        if let Some(error) = operation.refusal() {
            return Reply::Error(error);
        }
        let slot = match split::one_slot(&self.prefix, operation.keys()) {
            Ok(slot) => slot,
            Err(refusal) => return refusal,
        };
        let batch = std::slice::from_ref(operation);
        let place = Place { slot: slot.unwrap_or(Slot::ANY), detour: None };
        let transaction = self.transaction(batch);
        let _place = match self.enter(&transaction, deadline, hold).await {
            Ok(place) => place,
            Err(cause) => return reply::unavailable(cause),
        };
        let answer = match self.run(place, &transaction, deadline, hold).await {
            Ok(answer) => answer,
            Err(refusal) => return alone(refusal, operation),
        };
        // The node refused to queue the operation.
        if let [_, refusal @ Reply::Error(_), _] = &answer.replies[..] {
            return reply::plain(refusal.clone(), self.shared.limits.max_reply);
        }
        alone(transaction.outcome(answer), operation)
    }

    /// Sends the transaction to the owner of its slot until a node executes it. Gives the replies
    /// to MULTI, to each operation and to EXEC.
    ///
    /// # Errors
    ///
    /// The reply to a transaction that no node executed, or whose outcome is unknown.
    async fn run(
        &self,
        mut place: Place,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Result<Answer, Reply> {
        let (mut hops, mut attempts) = (0, 0);
        loop {
            let sent = self.send(&place, transaction, deadline, hold).await;
            let (answer, teller) = match sent.map_err(Reply::Error)? {
                Ok(told) => told,
                Err(Unfit::Lost(lost)) if lost.is_unsent && !is_late(deadline) => {
                    tokio::time::sleep(RETRY_WAIT).await;
                    continue;
                }
                Err(Unfit::Lost(lost)) if lost.is_unsent => {
                    return Err(reply::unavailable(lost.cause));
                }
                Err(Unfit::Lost(lost)) => return Err(transaction.lost(lost)),
                Err(Unfit::TooExpensive(error)) => return Err(discarded(&error)),
            };
            if let Some(Reply::Nil | Reply::NilList) = answer.replies.last() {
                if attempts == ATTEMPTS {
                    return Err(unsettled());
                }
                attempts += 1;
                continue;
            }
            let Some((redirect, cause)) = verdict(transaction, &answer.replies, &teller) else {
                return Ok(answer);
            };
            hops += 1;
            let at_once = self.shared.topology.follow(&mut place, redirect) && hops < MOST_HOPS;
            if !at_once {
                if is_late(deadline) {
                    return Err(reply::unavailable(cause));
                }
                hops = 0;
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
    }

    /// Sends the transaction to the node at `place`. Gives the replies, and the node's address.
    async fn send(
        &self,
        place: &Place,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Result<Result<(Answer, Address), Unfit>, ErrorReply> {
        let topology = &self.shared.topology;
        let is_detour = place.detour.is_some();
        if transaction.wants_own_connection() {
            let (member, lease) = topology.lease(place, hold.account(), deadline).await?;
            return Ok(match send_on(&lease, transaction, is_detour, hold).await {
                Ok(answer) => {
                    lease.give_back();
                    Ok((answer, member.address.clone()))
                }
                Err(unfit) => {
                    if matches!(unfit, Unfit::TooExpensive(_)) {
                        lease.forget_and_give_back();
                    }
                    Err(unfit)
                }
            });
        }
        let reached = topology.reach(place, deadline).await;
        let (member, connection) = reached.map_err(ErrorReply::Unavailable)?;
        let sent = hand_over(&connection, transaction, is_detour, hold).await;
        Ok(sent.map(|answer| (answer, member.address.clone())))
    }

    fn transaction<'a>(&'a self, batch: &'a [Operation]) -> Transaction<'a> {
        Transaction::new(&self.prefix, &self.index, &self.shared.growth, batch)
    }
}

/// Sends the transaction on a pinned connection, if it is not too expensive.
async fn send_on(
    lease: &Connection,
    transaction: &Transaction<'_>,
    is_detour: bool,
    hold: &mut ReplyRoom,
) -> Result<Answer, Unfit> {
    transaction.admit(lease, is_detour).await?;
    hand_over(lease, transaction, is_detour, hold).await
}

async fn hand_over(
    connection: &Connection,
    transaction: &Transaction<'_>,
    is_detour: bool,
    hold: &mut ReplyRoom,
) -> Result<Answer, Unfit> {
    let mut commands = Commands::default();
    if is_detour {
        commands.push(&[b"ASKING"]);
    }
    transaction.write(&mut commands);
    let sent = connection.ask_once(commands, transaction.max_reply, hold).await;
    let mut answer = sent.map_err(Unfit::Lost)?;
    answer.replies.drain(..usize::from(is_detour && !answer.replies.is_empty()));
    Ok(answer)
}

/// Whether the operation concerns all nodes. It cannot be a part of a transaction on one slot.
fn is_of_all_servers(spec: &Spec) -> bool {
    spec.places.is_empty() && spec.own != Own::Ping
}

/// The redirection and its text, if the node executed nothing because it does not hold all keys of
/// the slot.
fn verdict(
    transaction: &Transaction<'_>,
    replies: &[Reply],
    teller: &Address,
) -> Option<(Redirect, Cow<'static, str>)> {
    // EXEC of an executed transaction gives a list, whatever its items are.
    let (Some(Reply::Error(_)), [begun, queued @ .., exec]) = (replies.last(), replies) else {
        return None;
    };
    let of = |reply| Redirect::of(reply, teller);
    let keyed: Vec<_> = transaction
        .sent()
        .zip(queued)
        .filter(|(operation, _)| operation.keys().next().is_some())
        .map(|(_, reply)| of(reply))
        .collect();
    let mut told = of(begun).into_iter().chain(keyed.iter().flatten().cloned()).chain(of(exec));
    let (redirect, cause) = told.next()?;
    let is_ask = |it: &&Option<(Redirect, _)>| matches!(it, Some((Redirect::Ask(_), _)));
    let there = keyed.iter().filter(is_ask).count();
    let is_split = there > 0 && there < keyed.len();
    // The slot is moving, and only some of its keys are on this node. No node can execute the
    // transaction until all are on one.
    Some((if is_split { Redirect::Later } else { redirect }, cause))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::valkey::cost::growth::Growth;
    use crate::store::valkey::keys::prefix::Prefix;
    use crate::store::valkey::last::index::Index;

    fn told(replies: &[Reply]) -> Option<Redirect> {
        let get = |key: &'static str| {
            let args = [Bytes::from(key)].into_iter().collect();
            Operation::named("GET", args).expect("a command")
        };
        let batch = [get("{t}a"), get("{t}b")];
        let (prefix, index) = (Prefix::none(), Index::new(Vec::new(), 0));
        let growth = Growth::new(1000);
        let transaction = Transaction::new(&prefix, &index, &growth, &batch);
        let teller = Address { host: "h".to_owned(), port: 1 };
        verdict(&transaction, replies, &teller).map(|(redirect, _)| redirect)
    }

    #[test]
    fn a_transaction_that_was_turned_away_as_a_whole_is_sent_on() {
        let (queued, abort) = (Reply::Word("QUEUED".into()), Reply::coded("EXECABORT x"));
        let (ask, moved) = (Reply::coded("ASK 1 a:2"), Reply::coded("MOVED 1 a:2"));
        let to = Address { host: "a".to_owned(), port: 2 };
        let told = |first: &Reply, second: &Reply, exec: &Reply| {
            told(&[Reply::OK, first.clone(), second.clone(), exec.clone()])
        };
        assert_eq!(told(&ask, &ask, &abort), Some(Redirect::Ask(to.clone())));
        assert_eq!(told(&ask, &queued, &abort), Some(Redirect::Later), "half is here");
        let again = Reply::coded("TRYAGAIN x");
        assert_eq!(told(&queued, &ask, &again), Some(Redirect::Later), "half is here");
        assert_eq!(told(&queued, &queued, &again), Some(Redirect::Later));
        let slot = Slot::numbered(1).expect("a slot");
        assert_eq!(told(&moved, &moved, &abort), Some(Redirect::Moved(slot, to.clone())));
        assert_eq!(told(&queued, &queued, &moved), Some(Redirect::Moved(slot, to.clone())));
        assert_eq!(told(&queued, &queued, &ask), Some(Redirect::Ask(to)));
        assert_eq!(told(&Reply::failed("syntax"), &queued, &abort), None);
        // What was carried out may answer whatever it likes.
        let done = Reply::Array(vec![moved.clone(), ask.clone()]);
        assert_eq!(told(&queued, &queued, &done), None);
        assert_eq!(told(&queued, &queued, &Reply::Nil), None);
    }
}
