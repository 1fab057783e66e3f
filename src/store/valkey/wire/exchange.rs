//! An exchange: commands that are sent together, and their replies.

use std::borrow::Cow;
use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::command::{Commands, Form};
use super::substitute;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::protocol::Outgoing;
use crate::store::valkey::cache::Cache;
use crate::store::valkey::cache::values::Key;

/// The connection ended before all replies arrived.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    /// The cause.
    pub(crate) cause: Cow<'static, str>,
    /// The commands were not sent. If false, the server may or may not have carried them out.
    pub(crate) is_unsent: bool,
}

/// Commands to be sent, and the rules for their replies.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The commands.
    pub(crate) commands: Commands,
    /// Replies to keep in the near cache, in order.
    pub(crate) wanted: VecDeque<Wanted>,
    /// The replies to the first `kept` commands are always taken. From the first later reply that
    /// finds no room, replies are discarded.
    pub(crate) kept: usize,
    /// No command may be sent again, and only the last reply may be long. If the last reply finds
    /// no room, it is discarded, and an error takes its place.
    pub(crate) is_once: bool,
    /// The largest reply, in bytes of data. A longer one is discarded, and an error takes its
    /// place.
    pub(crate) max_reply: usize,
    /// The room that the replies take.
    pub(crate) hold: ReplyRoom,
}

/// A reply to keep in the near cache. Two replies precede it that are not part of the answer: to
/// CLIENT CACHING and to PTTL.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The position in the answer, counted from 0.
    pub(crate) number: usize,
    /// The key in the store.
    pub(crate) key: Key,
}

/// A reply arrived that fits no outstanding command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misplaced;

/// The replies in order, as many as there was room for.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The replies.
    pub(crate) replies: Vec<Reply>,
    /// The room that they take.
    pub(crate) hold: ReplyRoom,
    /// An error stands in the place of a discarded reply.
    pub(crate) has_substitutes: bool,
}

/// An exchange whose replies are outstanding.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The number of replies in the whole answer.
    count: usize,
    /// The number of replies that arrived, including discarded ones.
    come: usize,
    /// See [`Exchange::wanted`].
    wanted: VecDeque<Wanted>,
    /// The kind of the next reply.
    next: Next,
    /// See [`Exchange::kept`].
    kept: usize,
    /// See [`Exchange::is_once`].
    is_once: bool,
    /// See [`Exchange::max_reply`].
    max_reply: usize,
    /// See [`Commands::answered_by`].
    form: Form,
    /// A reply was discarded, and so are all later ones.
    is_cut: bool,
    /// The replies so far.
    answer: Answer,
    /// The offset of the commands among all bytes ever sent on the connection.
    begin: u64,
    /// When the exchange was submitted.
    at: Instant,
    /// Receives the answer.
    tell: oneshot::Sender<Result<Answer, Lost>>,
}

/// Replies that precede a wanted one.
const PRELUDE: usize = 2;

/// The kind of the next reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A part of the answer; or, before a wanted one, the reply to CLIENT CACHING.
    Answer,
    /// The reply to PTTL. `is_told` says whether the server will send an invalidation for the key.
    Expiry { is_told: bool },
    /// The wanted reply.
    Value,
}

impl InFlight {
    /// The exchange in flight, and the bytes to be sent.
    pub(crate) fn new(
        exchange: Exchange,
        tell: oneshot::Sender<Result<Answer, Lost>>,
    ) -> (InFlight, Outgoing) {
        let Exchange { commands, wanted, kept, is_once, max_reply, hold } = exchange;
        let count = commands.count() - PRELUDE * wanted.len();
        let in_flight = InFlight {
            count,
            come: 0,
            wanted,
            next: Next::Answer,
            kept,
            is_once,
            max_reply,
            form: commands.form(),
            is_cut: false,
            answer: Answer { replies: Vec::with_capacity(count), hold, has_substitutes: false },
            begin: 0,
            at: Instant::now(),
            tell,
        };
        (in_flight, commands.into_bytes())
    }

    /// Sets the offset of the commands among all bytes ever sent on the connection.
    pub(crate) fn begin_at(&mut self, begin: u64) {
        self.begin = begin;
    }

    /// When the exchange was submitted.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// The largest reply, in bytes of data.
    pub(crate) fn max_reply(&self) -> usize {
        self.max_reply
    }

    /// Makes room for more bytes of the current reply. False if the reply must be discarded, and
    /// with it all later ones unless [`Exchange::is_once`].
    pub(crate) fn make_room(&mut self, bytes: usize) -> bool {
        if self.is_cut {
            return false;
        }
        let hold = &mut self.answer.hold;
        if self.is_once {
            if self.come + 1 == self.count {
                return hold.claim(bytes);
            }
            // These replies are short: `QUEUED`, or an error.
            hold.force(bytes);
            return true;
        }
        if self.answer.replies.len() < self.kept {
            hold.force(bytes);
        } else {
            self.is_cut = !hold.grow(bytes);
        }
        !self.is_cut
    }

    /// The error that takes the place of the current reply, which was discarded because it
    /// `is_too_long` or found no room. `None` if the command may be sent again. `made_room` is the
    /// room that the reply had taken.
    pub(crate) fn substitute(&mut self, is_too_long: bool, made_room: usize) -> Option<Reply> {
        if !is_too_long && !self.is_once {
            return None;
        }
        self.answer.has_substitutes = true;
        self.answer.hold.release(made_room);
        if is_too_long {
            Some(substitute::too_long(self.max_reply))
        } else {
            Some(substitute::no_room())
        }
    }

    /// Takes the next reply, `None` if it was discarded. True if it was the last one.
    ///
    /// # Errors
    ///
    /// Replies are out of step with commands.
    pub(crate) fn put(
        &mut self,
        reply: Option<Reply>,
        cache: Option<&Cache>,
    ) -> Result<bool, Misplaced> {
        if let Some(cache) = cache
            && !self.is_answer(reply.as_ref(), cache)?
        {
            return Ok(false);
        }
        expect(self.form, reply.as_ref())?;
        self.come += 1;
        // Once a reply is discarded, later ones are, too.
        if let Some(reply) = reply
            && !self.is_cut
        {
            self.answer.replies.push(reply);
        }
        if self.come < self.count {
            return Ok(false);
        }
        if let Some(cache) = cache {
            cache.is_as_of(self.at);
        }
        Ok(true)
    }

    /// Whether the reply is a part of the answer. The near cache takes what it needs.
    fn is_answer(&mut self, reply: Option<&Reply>, cache: &Cache) -> Result<bool, Misplaced> {
        Ok(match self.next {
            Next::Answer => {
                if self.wanted.front().is_none_or(|wanted| wanted.number != self.come) {
                    return Ok(true);
                }
                expect(Form::Status, reply)?;
                self.next = Next::Expiry { is_told: reply == Some(&Reply::OK) };
                false
            }
            Next::Expiry { is_told } => {
                expect(Form::Integer, reply)?;
                self.next = Next::Value;
                let wanted = self.wanted.pop_front();
                if let (Some(Wanted { key, .. }), Some(expiry), true) = (wanted, reply, is_told) {
                    cache.expect(key, expiry, self.at);
                }
                false
            }
            Next::Value => {
                self.next = Next::Answer;
                cache.take(reply.filter(|reply| reply.data_len() <= self.max_reply));
                true
            }
        })
    }

    /// Delivers the answer.
    pub(crate) fn finish(self) {
        // The receiver may be gone.
        let _ = self.tell.send(Ok(self.answer));
    }

    /// Reports that the connection ended after it had sent `sent` bytes in all.
    pub(crate) fn lose(self, cause: Cow<'static, str>, sent: u64) {
        let is_unsent = self.begin >= sent;
        let _ = self.tell.send(Err(Lost { cause, is_unsent }));
    }
}

fn expect(form: Form, reply: Option<&Reply>) -> Result<(), Misplaced> {
    // The form of a discarded reply is unknown.
    if reply.is_none_or(|reply| form.fits(reply)) { Ok(()) } else { Err(Misplaced) }
}
