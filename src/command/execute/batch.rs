//! The operations of one connection on their way to the store, and the places of their replies.

use std::collections::VecDeque;
use std::sync::Arc;

use super::check::may;
use crate::command::context::{Context, Counters};
use crate::command::session::state::Session;
use crate::command::table::Command;
use crate::memory::ClientShare;
use crate::message::{ErrorReply, Reply};
use crate::store::{Operation, Store};

/// Operations of one connection in one key space. The key space is the session's at the time when
/// the batch was formed, even if the session has changed since.
#[derive(Default)]
pub(crate) struct Batch {
    /// The key space of the operations; none for an empty batch.
    store: Option<Arc<Store>>,
    /// Whether the key space is not the caller's own.
    is_abroad: bool,
    operations: Vec<Operation>,
    /// For each operation, the index of its reply, and the command that it came from.
    places: VecDeque<(usize, &'static Command)>,
}

impl Batch {
    /// Reserves room for `count` more operations.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.operations.reserve(count);
        self.places.reserve(count);
    }

    /// Whether operations of `session` may be appended: its keys must be those of the batch.
    pub(crate) fn takes(&self, session: &Session) -> bool {
        match (&self.store, &session.store) {
            _ if self.operations.is_empty() => true,
            (Some(own), Some(other)) => {
                Arc::ptr_eq(own, other) && self.is_abroad == session.is_abroad()
            }
            _ => false,
        }
    }

    /// Appends an operation, and a placeholder for its reply to `replies`.
    ///
    /// # Errors
    ///
    /// The caller has no key space.
    pub(crate) fn push(
        &mut self,
        session: &Session,
        replies: &mut Vec<Reply>,
        operation: Operation,
    ) -> Result<(), ErrorReply> {
        debug_assert!(self.takes(session), "a batch has one key space");
        if self.operations.is_empty() {
            self.store = Some(Arc::clone(session.store()?));
            self.is_abroad = session.is_abroad();
        }
        self.places.push_back((replies.len(), operation.command));
        self.operations.push(operation);
        replies.push(Reply::Nil);
        Ok(())
    }

    /// The number of `replies` before the first unanswered operation. The places are counted from
    /// there on afterwards.
    pub(crate) fn take_places(&mut self, replies: usize) -> usize {
        let ready = self.places.front().map_or(replies, |(place, _)| *place);
        self.places.iter_mut().for_each(|(place, _)| *place -= ready);
        ready
    }

    /// Refuses operations to which the caller lost the right while they waited for memory.
    pub(crate) fn check_again(
        &mut self,
        context: &Context,
        session: &Session,
        replies: &mut [Reply],
    ) {
        if self.operations.is_empty() {
            return;
        }
        let is_lost = self.is_abroad && !session.is_administrator();
        let operations = std::mem::take(&mut self.operations);
        let places = std::mem::take(&mut self.places);
        for (operation, (place, command)) in operations.into_iter().zip(places) {
            let right = if is_lost {
                context.users.audit.refuses(session.caller(), "keyspace");
                Err(ErrorReply::Forbidden("keyspace"))
            } else {
                may(context, session, command)
            };
            match right {
                Ok(()) => {
                    self.operations.push(operation);
                    self.places.push_back((place, command));
                }
                Err(error) => replies[place] = Reply::Error(error),
            }
        }
    }

    /// Executes as many operations as memory has room for; true if that was all of them.
    pub(crate) async fn run(
        &mut self,
        context: &Context,
        share: &mut ClientShare,
        replies: &mut [Reply],
    ) -> bool {
        let Some(store) = self.store.as_ref().filter(|_| !self.operations.is_empty()) else {
            return true;
        };
        let operations = std::mem::take(&mut self.operations);
        let (answers, rest) = store.execute_within(operations, share).await;
        debug_assert_eq!(answers.len() + rest.len(), self.places.len(), "nothing is lost");
        self.operations = rest;
        let (mut hits, mut misses) = (0, 0);
        for ((place, command), answer) in self.places.drain(..answers.len()).zip(answers) {
            if command.spec.is_lookup() {
                match answer {
                    Reply::Value(_) => hits += 1,
                    Reply::Nil => misses += 1,
                    _ => {}
                }
            }
            replies[place] = match answer {
                Reply::Error(ErrorReply::OutcomeUnknown(_)) => {
                    Reply::Error(ErrorReply::OutcomeUnknown(command.full_name))
                }
                answer => answer,
            };
        }
        Counters::add(&context.counters.hits, hits);
        Counters::add(&context.counters.misses, misses);
        self.operations.is_empty()
    }
}
