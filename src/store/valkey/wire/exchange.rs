//! What is asked over a connection, and the answer on its way.

use std::borrow::Cow;
use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::command::{Commands, Form};
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::protocol::Outgoing;
use crate::store::valkey::cache::{Cache, Key};
use crate::store::valkey::keys::reply;

/// The connection ended before all replies were there.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    /// Why.
    pub(crate) cause: Cow<'static, str>,
    /// Nothing was sent; otherwise what was sent was carried out, or not.
    pub(crate) is_unsent: bool,
}

/// What is asked, and how many of its replies must be taken whatever they are.
#[derive(Debug)]
pub(crate) struct Question {
    /// The commands.
    pub(crate) commands: Commands,
    /// Values for the near cache, in order.
    pub(crate) wanted: VecDeque<Wanted>,
    /// Of so many first commands the reply cannot be asked for again. The others are read away,
    /// from the first on that finds no room.
    pub(crate) kept: usize,
    /// No reply can be asked for again, and only the last one may be long. If that one finds no room
    /// it is read away, and an error stands in its place.
    pub(crate) is_once: bool,
    /// Bytes of data that one reply may hold; a longer one is read away, and an error instead.
    pub(crate) max_reply: usize,
    /// What the replies take.
    pub(crate) hold: ReplyRoom,
}

/// A value for the near cache: the answer's reply of this number. Before it come two replies that
/// are no part of the answer: that the server is going to say when the key changes, and when it
/// expires.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The reply's number, counted from 0.
    pub(crate) number: usize,
    /// The key in the store.
    pub(crate) key: Key,
}

/// A reply came that cannot be one to what was asked: nobody asked for it, or for one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misplaced;

/// Replies in order: as many as there was room for.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The replies.
    pub(crate) replies: Vec<Reply>,
    /// What they take.
    pub(crate) hold: ReplyRoom,
    /// A reply was read away, and an error stands in its place.
    pub(crate) has_substitutes: bool,
}

/// A question on its way.
#[derive(Debug)]
pub(crate) struct Asked {
    /// How many replies there will be.
    count: usize,
    /// How many have come, or were read away.
    come: usize,
    /// See [`Question::wanted`].
    wanted: VecDeque<Wanted>,
    /// What of it comes next.
    next: Next,
    /// See [`Question::kept`].
    kept: usize,
    /// See [`Question::is_once`].
    is_once: bool,
    /// See [`Question::max_reply`].
    max_reply: usize,
    /// See [`Commands::answered_by`].
    form: Form,
    /// A reply was read away, and so are all after it.
    is_cut: bool,
    /// What has come.
    answer: Answer,
    /// Where among all bytes sent its own begin.
    begin: u64,
    /// When it was asked.
    at: Instant,
    /// Who asked.
    tell: oneshot::Sender<Result<Answer, Lost>>,
}

/// Replies before a value that is wanted.
const PRELUDE: usize = 2;

/// What the next reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A part of the answer, or what comes before one that is wanted.
    Answer,
    /// When a wanted value expires, of which the server says when it changes, or does not.
    Expiry { is_told: bool },
    /// That value.
    Value,
}

impl Asked {
    /// What becomes of a question, and the bytes to be sent.
    pub(crate) fn new(
        question: Question,
        tell: oneshot::Sender<Result<Answer, Lost>>,
    ) -> (Asked, Outgoing) {
        let Question { commands, wanted, kept, is_once, max_reply, hold } = question;
        let count = commands.count() - PRELUDE * wanted.len();
        let asked = Asked {
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
        (asked, commands.into_bytes())
    }

    /// Its bytes begin there among all that are sent.
    pub(crate) fn begin_at(&mut self, begin: u64) {
        self.begin = begin;
    }

    /// When it was asked.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// Bytes of data that a reply may hold.
    pub(crate) fn max_reply(&self) -> usize {
        self.max_reply
    }

    /// Makes room for more of the present reply; false if it is to be read away, and with it all
    /// that follow unless [`Question::is_once`].
    pub(crate) fn make_room(&mut self, bytes: usize) -> bool {
        if self.is_cut {
            return false;
        }
        let hold = &mut self.answer.hold;
        if self.is_once {
            if self.come + 1 == self.count {
                return hold.claim(bytes);
            }
            // Short: that a command is queued, or why not.
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

    /// What stands in the place of the present reply, which was read away: since it `is_too_long`, or
    /// since there was no room for it, see [`Question::is_once`]. `made_room` is what it has taken.
    pub(crate) fn substitute(&mut self, is_too_long: bool, made_room: usize) -> Option<Reply> {
        if !is_too_long && !self.is_once {
            return None;
        }
        self.answer.has_substitutes = true;
        self.answer.hold.release(made_room);
        if is_too_long { Some(reply::too_long(self.max_reply)) } else { Some(reply::no_room()) }
    }

    /// The next reply has come, or was read away; true if there are no more.
    ///
    /// # Errors
    ///
    /// The server's replies are out of step with what was asked.
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
        // Unless those before it were read away.
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

    /// Whether the reply is a part of the answer. The cache learns from it.
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

    /// All replies have come.
    pub(crate) fn finish(self) {
        // Who asked may be gone.
        let _ = self.tell.send(Ok(self.answer));
    }

    /// The connection ended, of whose bytes so many were sent.
    pub(crate) fn lose(self, cause: Cow<'static, str>, sent: u64) {
        let is_unsent = self.begin >= sent;
        let _ = self.tell.send(Err(Lost { cause, is_unsent }));
    }
}

fn expect(form: Form, reply: Option<&Reply>) -> Result<(), Misplaced> {
    // Nothing is known of what was read away.
    if reply.is_none_or(|reply| form.fits(reply)) { Ok(()) } else { Err(Misplaced) }
}
