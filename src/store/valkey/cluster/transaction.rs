//! Several operations as one, all on keys of one slot; and scripts, which are sent in the same way:
//! within MULTI a server says that it does not serve the slot before it does anything, and what a
//! script answers cannot be taken for it.

use std::borrow::Cow;

use redis::Pipeline;
use tokio::time::Instant;

use super::Cluster;
use super::address::Address;
use super::piece::MOST_HOPS;
use super::reach::Place;
use super::redirect::Redirect;
use super::slot::Slot;
use super::split;
use super::watch::Watch;
use crate::account;
use crate::memory::Hold;
use crate::message::Reply;
use crate::store::operation::{Operation, Verb};
use crate::store::valkey::RETRY_WAIT;
use crate::store::valkey::command::Commands;
use crate::store::valkey::own::alone;
use crate::store::valkey::pool::Lease;
use crate::store::valkey::reply;
use crate::store::valkey::single::Packed;
use crate::store::valkey::terms::is_late;
use crate::store::valkey::transaction::{ATTEMPTS, Transaction, Unfit, discarded, unsettled};

impl Cluster {
    /// See [`crate::store::Store::transact`].
    pub(in crate::store) async fn transact(
        &self,
        watch: Option<Watch>,
        batch: Vec<Operation>,
        hold: &mut Hold,
    ) -> Reply {
        let deadline = self.shared.terms.deadline_of(hold);
        let transaction = self.transaction(&batch);
        if let Some(operation) = batch.iter().find(|it| is_of_all_servers(it.verb)) {
            let name = operation.verb.name();
            let text = format!("{name} cannot be a part of a transaction on a cluster");
            return Reply::failed(text);
        }
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
            return self.transact_watched(&watch, slot, &transaction).await;
        }
        let place = Place { slot: slot.unwrap_or(Slot::ANY), detour: None };
        match self.run(place, &transaction, deadline).await {
            Ok(replies) => transaction.outcome(replies),
            Err(refusal) => refusal,
        }
    }

    /// A place for it, if it is expensive.
    async fn enter(
        &self,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
        hold: &Hold,
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
    ) -> Reply {
        if slot.is_some_and(|slot| !watch.is_of(slot)) {
            return split::cross_slot();
        }
        let Some(lease) = watch.take() else { return Reply::NilList };
        match send_on(&lease, transaction, watch.is_on_detour()).await {
            Err(Unfit::Lost(lost)) => transaction.lost(lost),
            Err(Unfit::TooExpensive(error)) => {
                lease.forget_and_give_back();
                discarded(&error)
            }
            // The slot has gone elsewhere, and with it the keys: they have changed for all we know.
            Ok(replies) if verdict(transaction, &replies, watch.address()).is_some() => {
                Reply::NilList
            }
            Ok(replies) => {
                lease.give_back();
                transaction.outcome(replies)
            }
        }
    }

    /// A script, or what else has a connection of its own.
    pub(super) async fn run_script(
        &self,
        operation: &Operation,
        deadline: Option<Instant>,
        hold: &Hold,
    ) -> Reply {
        let slot = match split::one_slot(&self.prefix, operation.keys()) {
            Ok(slot) => slot,
            Err(refusal) => return refusal,
        };
        let batch = std::slice::from_ref(operation);
        let place = Place { slot: slot.unwrap_or(Slot::ANY), detour: None };
        let transaction = self.transaction(batch);
        if transaction.sent().next().is_none() {
            return reply::reserved();
        }
        let _place = match self.enter(&transaction, deadline, hold).await {
            Ok(place) => place,
            Err(cause) => return reply::unavailable(cause),
        };
        let replies = match self.run(place, &transaction, deadline).await {
            Ok(replies) => replies,
            Err(refusal) => return alone(refusal, operation),
        };
        // What the server did not let in it says there.
        if let [_, refusal @ Reply::Error(_), _] = &replies[..] {
            return reply::plain(refusal.clone(), self.shared.terms.max_reply);
        }
        alone(transaction.outcome(replies), operation)
    }

    /// Has it carried out where its slot is; gives the replies to MULTI, to each operation, and to
    /// EXEC, or the reply if there are none.
    async fn run(
        &self,
        mut place: Place,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Reply>, Reply> {
        let (mut hops, mut attempts) = (0, 0);
        loop {
            let sent = self.send(&place, transaction, deadline).await;
            let (replies, teller) = match sent.map_err(reply::unavailable)? {
                Ok(told) => told,
                Err(Unfit::Lost(lost)) if lost.is_unsent && !is_late(deadline) => {
                    tokio::time::sleep(RETRY_WAIT).await;
                    continue;
                }
                Err(Unfit::Lost(lost)) => return Err(transaction.lost(lost)),
                Err(Unfit::TooExpensive(error)) => return Err(discarded(&error)),
            };
            if let Some(Reply::Nil | Reply::NilList) = replies.last() {
                if attempts == ATTEMPTS {
                    return Err(unsettled());
                }
                attempts += 1;
                continue;
            }
            let Some((redirect, cause)) = verdict(transaction, &replies, &teller) else {
                return Ok(replies);
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

    /// Sends it there; gives the replies, and whose they are.
    async fn send(
        &self,
        place: &Place,
        transaction: &Transaction<'_>,
        deadline: Option<Instant>,
    ) -> Result<Result<(Vec<Reply>, Address), Unfit>, Cow<'static, str>> {
        let topology = &self.shared.topology;
        let is_detour = place.detour.is_some();
        if transaction.wants_own_connection() {
            let (member, lease) = topology.lease(place, deadline).await?;
            return Ok(match send_on(&lease, transaction, is_detour).await {
                Ok(replies) => {
                    lease.give_back();
                    Ok((replies, member.address.clone()))
                }
                Err(unfit) => {
                    if matches!(unfit, Unfit::TooExpensive(_)) {
                        lease.forget_and_give_back();
                    }
                    Err(unfit)
                }
            });
        }
        let (member, connection) = topology.reach(place, deadline).await?;
        let mut commands = Commands::default();
        if is_detour {
            commands.push(&[b"ASKING"]);
        }
        transaction.write(&mut commands);
        let replies = connection.send(commands).await.map_err(Unfit::Lost);
        Ok(replies.map(|mut replies| {
            replies.drain(..usize::from(is_detour && !replies.is_empty()));
            (replies, member.address.clone())
        }))
    }

    fn transaction<'a>(&'a self, batch: &'a [Operation]) -> Transaction<'a> {
        let max_reply = self.shared.terms.max_reply;
        Transaction { prefix: &self.prefix, index: &self.index, max_reply, batch }
    }
}

async fn send_on(
    lease: &Lease,
    transaction: &Transaction<'_>,
    is_detour: bool,
) -> Result<Vec<Reply>, Unfit> {
    transaction.admit(lease, is_detour).await?;
    let mut pipeline = Pipeline::new();
    if is_detour {
        pipeline.cmd("ASKING");
    }
    transaction.pack(&mut pipeline);
    let mut replies = lease.send(&Packed::Many(pipeline)).await.map_err(Unfit::Lost)?;
    replies.drain(..usize::from(is_detour && !replies.is_empty()));
    Ok(replies)
}

/// Whether it is no operation on keys but on all servers, each of which would have to have a part.
fn is_of_all_servers(verb: Verb) -> bool {
    matches!(verb, Verb::Scan | Verb::BgSave | Verb::LastSave | Verb::Script)
}

/// What to do, and why, if the server did nothing since the slot is not here, or not all of it.
fn verdict(
    transaction: &Transaction<'_>,
    replies: &[Reply],
    teller: &Address,
) -> Option<(Redirect, Cow<'static, str>)> {
    // Once it was carried out EXEC gives a list, whatever is in it.
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
    // Some keys are here and some there: until all are there, nobody can do it.
    Some((if is_split { Redirect::Later } else { redirect }, cause))
}

/// Whether an operation has a connection of its own, see [`Cluster::run_script`].
pub(super) fn is_script(operation: &Operation) -> bool {
    matches!(operation.verb, Verb::Eval | Verb::EvalSha | Verb::Lcs)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::valkey::encode::Prefix;
    use crate::store::valkey::index::Index;

    fn told(replies: &[Reply]) -> Option<Redirect> {
        let get = |key: &'static str| Operation {
            verb: Verb::Get,
            args: [Bytes::from(key)].into_iter().collect(),
        };
        let batch = [get("{t}a"), get("{t}b")];
        let (prefix, index) = (Prefix::none(), Index::new(Vec::new(), 0));
        let transaction =
            Transaction { prefix: &prefix, index: &index, max_reply: 1000, batch: &batch };
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
