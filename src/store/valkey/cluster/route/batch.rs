//! Carries out operations on keys, each where its slot is, and all servers at the same time.
//!
//! It goes in rounds. In each, every server gets what is open and for it, as one pipeline in the
//! batch's order. What a server did not do, since the slot is elsewhere, or on its way, or the server
//! does not serve, stays open for the next round, and so does what was not sent. Never is a write sent
//! again that may have been done.
//!
//! Operations on one key keep their order: what stays open for another round may not be overtaken by
//! what came after it. Where that could happen the later one waits a round
//! ([`Piece::must_wait_for`]), and where it has happened all the same the earlier one fails, as not done
//! ([`order`]).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::order;
use super::order::Fate;
use super::part;
use super::part::{MOST_HOPS, Piece};
use super::redirect::Redirect;
use crate::memory::ReplyRoom;
use crate::message::{ErrorReply, Reply};
use crate::store::operation::Operation;
use crate::store::valkey::RETRY_WAIT;
use crate::store::valkey::cluster::topology::keeper::Topology;
use crate::store::valkey::cluster::topology::map::Map;
use crate::store::valkey::cluster::topology::member::Member;
use crate::store::valkey::connect::limits::is_late;
use crate::store::valkey::cost::expense;
use crate::store::valkey::keys::prefix::Prefix;
use crate::store::valkey::keys::reply;
use crate::store::valkey::wire::command::Commands;
use crate::store::valkey::wire::connection::Connection;
use crate::store::valkey::wire::exchange::{Answer, Lost, Question};

/// A batch on its way.
pub(crate) struct Route<'a> {
    topology: &'a Topology,
    prefix: &'a Prefix,
    max_reply: usize,
    batch: &'a [Operation],
    /// In the batch's order.
    pieces: Vec<Piece<'a>>,
    /// From here on in the batch there was no room for replies.
    cut: usize,
}

/// What one server is asked in a round.
struct Errand {
    member: Arc<Member>,
    connection: Arc<Connection>,
    /// Numbers of pieces.
    pieces: Vec<usize>,
}

impl<'a> Route<'a> {
    /// For a client, to whom keys of kvsock's own are refused.
    pub(crate) fn new(
        topology: &'a Topology,
        prefix: &'a Prefix,
        max_reply: usize,
        batch: &'a [Operation],
    ) -> Route<'a> {
        let refuses = |operation: &Operation| expense::refusal(operation, max_reply);
        Route::begin(topology, prefix, max_reply, batch, refuses)
    }

    /// For kvsock itself, which names keys as the store has them.
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
        let pieces = part::of(prefix, batch, refuses);
        Route { topology, prefix, max_reply, batch, pieces, cut: usize::MAX }
    }

    /// Asks until every operation has its reply, or there is no room for more of them: then those
    /// are given that there was room for, maybe none, and what the others ask was not done.
    /// `deadline` bounds the waits for a server; each reply has its own bound on its connection.
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
            let errands = self.errands(&map);
            if errands.is_empty() {
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
            let answers = self.ask(&errands, hold).await;
            let fates = self.settle(errands, answers, hold);
            order::keep(&mut self.pieces, fates, !is_late(deadline));
            if self.must_pause() {
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
        let batch = &self.batch[..self.batch.len().min(self.cut)];
        part::replies(batch, self.pieces, self.max_reply)
    }

    fn is_open(&self) -> bool {
        self.open().next().is_some()
    }

    /// The pieces without a reply.
    fn open(&self) -> impl Iterator<Item = (usize, &Piece<'a>)> {
        let pieces = self.pieces.iter().enumerate();
        pieces.filter(|(_, piece)| piece.reply.is_none() && piece.place < self.cut)
    }

    /// Who is asked what in this round: what is for a server that can be reached.
    fn errands(&self, map: &Map) -> Vec<Errand> {
        let mut errands: Vec<Errand> = Vec::new();
        let is_plain =
            self.open().all(|(_, piece)| piece.detour.is_none() && !piece.has_several_keys());
        let mut before: Vec<usize> = Vec::new();
        for (number, piece) in self.open() {
            // One key has one way here, unless there are detours.
            let is_held =
                !is_plain && before.iter().any(|it| piece.must_wait_for(&self.pieces[*it]));
            if !is_plain {
                before.push(number);
            }
            let member = piece.detour.as_ref().or_else(|| map.owner(piece.slot));
            let (false, Some(member)) = (is_held, member) else { continue };
            if let Some(errand) = errands.iter_mut().find(|it| Arc::ptr_eq(&it.member, member)) {
                errand.pieces.push(number);
            } else if let Some(connection) = member.node.link.live() {
                let member = Arc::clone(member);
                errands.push(Errand { member, connection, pieces: vec![number] });
            }
        }
        errands
    }

    async fn ask(&self, errands: &[Errand], hold: &mut ReplyRoom) -> Vec<Result<Answer, Lost>> {
        let last_write = self.pieces.iter().rfind(|piece| piece.is_write());
        let last_write = last_write.map_or(0, |piece| piece.place + 1);
        let asking = errands.iter().map(|errand| {
            let question = self.question(errand, last_write, hold.take());
            errand.connection.ask(question)
        });
        join_all(asking).await
    }

    /// Replies up to that of the last write, wherever it is, cannot be asked for again, since a read
    /// that is sent again would see it.
    fn question(&self, errand: &Errand, last_write: usize, hold: ReplyRoom) -> Question {
        let (mut commands, mut kept) = (Commands::default(), 0);
        for piece in errand.pieces.iter().map(|number| &self.pieces[*number]) {
            if piece.detour.is_some() {
                commands.push(&[b"ASKING"]);
            }
            self.prefix.write(&piece.operation, &mut commands);
            if piece.place < last_write {
                kept = commands.count();
            }
        }
        let (wanted, max_reply) = (VecDeque::new(), self.max_reply);
        Question { commands, wanted, kept, is_once: false, max_reply, hold }
    }

    /// Takes the answers; tells what became of each piece that was asked, in the batch's order.
    fn settle(
        &mut self,
        errands: Vec<Errand>,
        answers: Vec<Result<Answer, Lost>>,
        hold: &mut ReplyRoom,
    ) -> Vec<(usize, Fate)> {
        let mut fates = Vec::new();
        for (errand, answer) in errands.into_iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    hold.join(answer.hold);
                    let mut replies = answer.replies.into_iter();
                    for number in errand.pieces {
                        if self.pieces[number].detour.take().is_some() {
                            replies.next();
                        }
                        let Some(reply) = replies.next() else {
                            self.cut = self.cut.min(self.pieces[number].place);
                            break;
                        };
                        fates.push((number, self.take(number, reply, &errand.member)));
                    }
                }
                Err(lost) => {
                    self.topology.want();
                    let cause: Cow<'static, str> =
                        format!("{}: {}", errand.member.address, lost.cause).into();
                    for number in errand.pieces {
                        let piece = &mut self.pieces[number];
                        piece.detour = None;
                        if lost.is_unsent || !piece.is_write() {
                            fates.push((number, Fate::Open(cause.clone())));
                        } else {
                            let unknown = ErrorReply::OutcomeUnknown(piece.operation.verb.name());
                            piece.reply = Some(Reply::Error(unknown));
                            fates.push((number, Fate::Unknown));
                        }
                    }
                }
            }
        }
        fates.sort_unstable_by_key(|(number, _)| *number);
        fates
    }

    /// Takes a reply to a piece.
    fn take(&mut self, number: usize, reply: Reply, member: &Member) -> Fate {
        let piece = &mut self.pieces[number];
        let Some((redirect, cause)) = Redirect::of(&reply, &member.address) else {
            piece.reply = Some(reply::of(self.prefix, &piece.operation, reply, self.max_reply));
            return Fate::Done;
        };
        piece.hops += 1;
        match redirect {
            Redirect::Moved(slot, address) => self.topology.moved(slot, &address),
            Redirect::Ask(address) => piece.detour = Some(self.topology.asked(&address)),
            Redirect::Later => {
                piece.hops = MOST_HOPS;
                self.topology.want();
            }
        }
        Fate::Open(cause)
    }

    /// Whether something open is to be asked later.
    fn must_pause(&mut self) -> bool {
        let mut must_pause = false;
        for piece in &mut self.pieces {
            if piece.reply.is_none() && piece.hops >= MOST_HOPS {
                (piece.hops, must_pause) = (0, true);
            }
        }
        must_pause
    }

    /// There is no more time to wait for a server.
    fn give_up(&mut self, map: &Map) {
        for piece in self.pieces.iter_mut().filter(|piece| piece.reply.is_none()) {
            let member = piece.detour.as_ref().or_else(|| map.owner(piece.slot));
            let cause = match member {
                Some(member) => member.away(),
                None => map.fault().unwrap_or("nobody serves the slot of the key".into()),
            };
            piece.reply = Some(reply::unavailable(cause));
        }
    }
}
