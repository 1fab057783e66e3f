//! Routes operations on keys to the nodes that own their slots, all nodes at the same time.
//!
//! Routing goes in rounds. In each round, every node gets its open parts of the batch as one
//! pipeline, in the batch's order. A part stays open for the next round if the node did not execute
//! it: the slot is elsewhere, or moving, or the node does not serve, or the part was not sent. A
//! write that a node may have executed is never sent again.
//!
//! Operations on one key keep their order: a later operation must not overtake an open one. Where
//! that could happen, the later operation waits for a round ([`Part::must_wait_for`]). Where it has
//! happened, the earlier operation fails as not done ([`order`]).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::order;
use super::order::Fate;
use super::part;
use super::part::{MOST_HOPS, Part};
use super::redirect::Redirect;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::cluster::topology::map::Map;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::connect::limits::{RETRY_WAIT, is_late};
use crate::store::valkey::cost::expense;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::{Answer, Exchange, Lost};

/// A batch that is being routed.
pub(crate) struct Route<'a> {
    topology: &'a Topology,
    prefix: &'a Prefix,
    max_reply: usize,
    batch: &'a [Operation],
    /// The parts, in the batch's order.
    parts: Vec<Part<'a>>,
    /// The position in the batch from which on replies found no room.
    cut: usize,
}

/// The parts that one node gets in a round.
struct ServerRequest {
    member: Arc<Member>,
    connection: Arc<Connection>,
    /// Indexes into [`Route::parts`].
    parts: Vec<usize>,
}

impl<'a> Route<'a> {
    /// Routes a client's batch. kvsock's own keys are refused.
    pub(crate) fn new(
        topology: &'a Topology,
        prefix: &'a Prefix,
        max_reply: usize,
        batch: &'a [Operation],
    ) -> Route<'a> {
        let refuses = |operation: &Operation| expense::refusal(operation, max_reply);
        Route::begin(topology, prefix, max_reply, batch, refuses)
    }

    /// Routes kvsock's own batch, whose keys have their stored names.
    pub(crate) fn of_stored_keys(
        topology: &'a Topology,
        none: &'a Prefix,
        batch: &'a [Operation],
    ) -> Route<'a> {
        Route::begin(topology, none, usize::MAX, batch, |_| None)
    }

    fn begin(
        topology: &'a Topology,
        prefix: &'a Prefix,
        max_reply: usize,
        batch: &'a [Operation],
        refuses: impl Fn(&Operation) -> Option<Reply>,
    ) -> Route<'a> {
        let parts = part::of(prefix, batch, refuses);
        Route { topology, prefix, max_reply, batch, parts, cut: usize::MAX }
    }

    /// Sends rounds until every operation has its reply. Ends early when replies find no room: then
    /// it gives the first replies, maybe none, and the other operations were not carried out.
    /// `deadline` bounds the waits for nodes. Each connection bounds the wait for a reply.
    pub(crate) async fn finish(
        mut self,
        deadline: Option<Instant>,
        hold: &mut ReplyRoom,
    ) -> Vec<Reply> {
        let mut maps = self.topology.maps();
        loop {
            let map = Arc::clone(&maps.borrow_and_update());
            if !self.is_open() {
                break;
            }
            let requests = self.requests(&map);
            if requests.is_empty() {
                self.topology.want();
                let came = match deadline {
                    Some(deadline) => {
                        tokio::time::timeout_at(deadline, maps.changed()).await.is_ok()
                    }
                    None => maps.changed().await.is_ok(),
                };
                if !came {
                    self.give_up(&map);
                    break;
                }
                continue;
            }
            let answers = self.ask(&requests, hold).await;
            let fates = self.settle(requests, answers, hold);
            order::keep(&mut self.parts, fates, !is_late(deadline));
            if self.must_pause() {
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
        let batch = &self.batch[..self.batch.len().min(self.cut)];
        part::replies(batch, self.parts, self.max_reply)
    }

    fn is_open(&self) -> bool {
        self.open().next().is_some()
    }

    /// The parts without a reply.
    fn open(&self) -> impl Iterator<Item = (usize, &Part<'a>)> {
        let parts = self.parts.iter().enumerate();
        parts.filter(|(_, part)| part.reply.is_none() && part.place < self.cut)
    }

    /// The requests of this round, to the nodes that can be reached.
    fn requests(&self, map: &Map) -> Vec<ServerRequest> {
        let mut requests: Vec<ServerRequest> = Vec::new();
        let is_plain =
            self.open().all(|(_, part)| part.detour.is_none() && !part.has_several_keys());
        let mut before: Vec<usize> = Vec::new();
        for (number, part) in self.open() {
            // All parts on one key go to one node, unless one has a detour.
            let is_held = !is_plain && before.iter().any(|it| part.must_wait_for(&self.parts[*it]));
            if !is_plain {
                before.push(number);
            }
            let member = part.detour.as_ref().or_else(|| map.owner(part.slot));
            let (false, Some(member)) = (is_held, member) else { continue };
            if let Some(request) = requests.iter_mut().find(|it| Arc::ptr_eq(&it.member, member)) {
                request.parts.push(number);
            } else if let Some(connection) = member.node.link.live() {
                let member = Arc::clone(member);
                requests.push(ServerRequest { member, connection, parts: vec![number] });
            }
        }
        requests
    }

    async fn ask(
        &self,
        requests: &[ServerRequest],
        hold: &mut ReplyRoom,
    ) -> Vec<Result<Answer, Lost>> {
        let last_write = self.parts.iter().rfind(|part| part.is_write());
        let last_write = last_write.map_or(0, |part| part.place + 1);
        let asking = requests.iter().map(|request| {
            let exchange = self.exchange(request, last_write, hold.take());
            request.connection.ask(exchange)
        });
        join_all(asking).await
    }

    /// The exchange for one node. Replies up to that of the last write, on whichever node, are
    /// always taken, since a read that is sent again would see the write.
    fn exchange(&self, request: &ServerRequest, last_write: usize, hold: ReplyRoom) -> Exchange {
        let (mut commands, mut kept) = (Commands::default(), 0);
        for part in request.parts.iter().map(|number| &self.parts[*number]) {
            if part.detour.is_some() {
                commands.push(&[b"ASKING"]);
            }
            self.prefix.write(&part.operation, &mut commands);
            if part.place < last_write {
                kept = commands.count();
            }
        }
        let (wanted, max_reply) = (VecDeque::new(), self.max_reply);
        Exchange { commands, wanted, kept, is_once: false, max_reply, hold }
    }

    /// Takes the answers. Gives the fate of each part that was sent, in the batch's order.
    fn settle(
        &mut self,
        requests: Vec<ServerRequest>,
        answers: Vec<Result<Answer, Lost>>,
        hold: &mut ReplyRoom,
    ) -> Vec<(usize, Fate)> {
        let mut fates = Vec::new();
        for (request, answer) in requests.into_iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    hold.join(answer.hold);
                    let mut replies = answer.replies.into_iter();
                    for number in request.parts {
                        if self.parts[number].detour.take().is_some() {
                            replies.next();
                        }
                        let Some(reply) = replies.next() else {
                            self.cut = self.cut.min(self.parts[number].place);
                            break;
                        };
                        fates.push((number, self.take(number, reply, &request.member)));
                    }
                }
                Err(lost) => {
                    self.topology.want();
                    let cause: Cow<'static, str> =
                        format!("{}: {}", request.member.address, lost.cause).into();
                    for number in request.parts {
                        let part = &mut self.parts[number];
                        part.detour = None;
                        if lost.is_unsent || !part.is_write() {
                            fates.push((number, Fate::Open(cause.clone())));
                        } else {
                            let unknown = ErrorReply::OutcomeUnknown(part.operation.name());
                            part.reply = Some(Reply::Error(unknown));
                            fates.push((number, Fate::Unknown));
                        }
                    }
                }
            }
        }
        fates.sort_unstable_by_key(|(number, _)| *number);
        fates
    }

    /// Takes the reply to a part.
    fn take(&mut self, number: usize, reply: Reply, member: &Member) -> Fate {
        let part = &mut self.parts[number];
        let Some((redirect, cause)) = Redirect::of(&reply, &member.address) else {
            part.reply = Some(reply::of(self.prefix, &part.operation, reply, self.max_reply));
            return Fate::Done;
        };
        part.hops += 1;
        match redirect {
            Redirect::Moved(slot, address) => self.topology.moved(slot, &address),
            Redirect::Ask(address) => part.detour = Some(self.topology.asked(&address)),
            Redirect::Later => {
                part.hops = MOST_HOPS;
                self.topology.want();
            }
        }
        Fate::Open(cause)
    }

    /// Whether an open part should be sent again later only.
    fn must_pause(&mut self) -> bool {
        let mut must_pause = false;
        for part in &mut self.parts {
            if part.reply.is_none() && part.hops >= MOST_HOPS {
                (part.hops, must_pause) = (0, true);
            }
        }
        must_pause
    }

    /// Fails the open parts after the deadline.
    fn give_up(&mut self, map: &Map) {
        for part in self.parts.iter_mut().filter(|part| part.reply.is_none()) {
            let member = part.detour.as_ref().or_else(|| map.owner(part.slot));
            let cause = match member {
                Some(member) => member.away(),
                None => map.fault().unwrap_or("nobody serves the slot of the key".into()),
            };
            part.reply = Some(reply::unavailable(cause));
        }
    }
}
