//! Operations on a whole key space within a transaction. They see the changes of the transaction.

use bytes::Bytes;
use fjall::Slice;

use super::draft::{Draft, Step};
use crate::command::table::spec::Own;
use crate::message::{ErrorReply, Reply};
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::glob;
use crate::store::embedded::last::recent::Recent;
use crate::store::embedded::read::keys::Source;
use crate::store::embedded::read::random;
use crate::store::embedded::read::snapshot::View;
use crate::store::embedded::types::editor::Edit;
use crate::store::embedded::types::last;
use crate::store::embedded::types::weight::MAX_CLEARED;
use crate::store::operation::Operation;

/// The number of random keys that are tried before one of the first keys is taken.
const TRIES: usize = 8;
/// The number of first keys out of which one is taken.
const FIRST: usize = 256;

/// A draft over a snapshot.
pub(crate) struct Whole<'a, 'b> {
    pub(crate) draft: &'a mut Draft<'b>,
    pub(crate) view: &'a View<'b>,
    pub(crate) scope: &'a Scope,
    pub(crate) now: u64,
}

impl Whole<'_, '_> {
    /// Carries out an operation for which `is_whole` holds, except `SCAN`.
    pub(crate) fn execute(&mut self, operation: &Operation) -> Result<Reply, ErrorReply> {
        match operation.own() {
            Own::Size => Ok(Reply::Integer(i64::try_from(self.size()?).unwrap_or(i64::MAX))),
            Own::Keys => self.keys(operation.args.first()),
            Own::RandomKey => self.random_key(),
            Own::Last => self.last(&operation.args),
            Own::Clear => self.clear(),
            _ => Err(operation.wrong_arguments()),
        }
    }

    fn size(&self) -> Result<u64, Fault> {
        let is_cleared = self.draft.is_cleared();
        let (mut size, expires) = if is_cleared { (0, None) } else { self.view.size(self.now)? };
        self.draft.note_expiry(expires);
        for (stored, record) in self.draft.changes() {
            if self.scope.client_key(stored).is_none() {
                continue;
            }
            let is_live = |record: &_| {
                !crate::store::embedded::format::layout::Record::is_expired(record, self.now)
            };
            let before = if is_cleared { None } else { self.view.record(stored)? };
            let was = before.is_some_and(|record| is_live(&record));
            let is = record.as_ref().is_some_and(is_live);
            size = size + u64::from(is) - u64::from(was);
        }
        Ok(size)
    }

    /// Calls `visit` with the live keys in order until it returns false.
    fn visit(
        &self,
        mut visit: impl FnMut(&[u8]) -> Result<bool, ErrorReply>,
    ) -> Result<(), ErrorReply> {
        for entry in self.draft.keys_from(&self.scope.stored_prefix) {
            let (stored, expires) = entry?;
            let Some(name) = self.scope.client_key(&stored) else { break };
            let is_live = expires.is_none_or(|expires| expires > self.now);
            if is_live && !visit(name)? {
                break;
            }
        }
        Ok(())
    }

    fn keys(&self, pattern: Option<&Bytes>) -> Result<Reply, ErrorReply> {
        let (mut keys, mut len) = (Vec::new(), 0);
        self.visit(|name| {
            if pattern.is_none_or(|pattern| glob::matches(pattern, name)) {
                len += 8 + name.len();
                self.scope.check_len(len, "; use SCAN")?;
                keys.push(Some(Bytes::copy_from_slice(name)));
            }
            Ok(true)
        })?;
        Ok(Reply::List(keys))
    }

    fn random_key(&self) -> Result<Reply, ErrorReply> {
        for _ in 0..if self.draft.is_cleared() { 0 } else { TRIES } {
            let Some(stored) = self.view.random_key(self.now)? else { break };
            if !self.draft.changes().contains_key(&stored[..])
                && self.draft.record(&stored)?.is_some()
                && let Some(name) = self.scope.client_key(&stored)
            {
                return self.scope.bounded(Reply::Value(Bytes::copy_from_slice(name)));
            }
        }
        let mut names = Vec::new();
        self.visit(|name| {
            names.push(Bytes::copy_from_slice(name));
            Ok(names.len() < FIRST)
        })?;
        match random::choose(names) {
            Some(name) => self.scope.bounded(Reply::Value(name)),
            None => Ok(Reply::Nil),
        }
    }

    fn last(&self, args: &[Bytes]) -> Result<Reply, ErrorReply> {
        last::last(args, (self.scope, self.now), || self.recent(), |key| self.draft.record(key))
    }

    /// The index of `last` with the changes of the draft.
    fn recent(&self) -> Result<Recent, Fault> {
        let mut recent: Recent = self.view.recent()?;
        for step in self.draft.steps() {
            match step {
                Step::Set(key, _) => recent.set(key),
                Step::Remove(key) | Step::Discard(key) => recent.remove(key),
                Step::Put(..) => {}
                Step::ClearAll => recent = recent.emptied(),
            }
        }
        Ok(recent)
    }

    fn clear(&mut self) -> Result<Reply, ErrorReply> {
        let mut keys: Vec<(Slice, bool)> = Vec::new();
        for entry in self.draft.keys_from(&self.scope.stored_prefix) {
            let (stored, expires) = entry?;
            if self.scope.client_key(&stored).is_none() {
                break;
            }
            if keys.len() > MAX_CLEARED {
                break;
            }
            keys.push((stored, expires.is_none_or(|expires| expires > self.now)));
        }
        if keys.len() > MAX_CLEARED {
            if !self.view.is_all()? {
                return Err(too_many());
            }
            self.draft.clear_all();
            return Ok(Reply::OK);
        }
        for (stored, is_live) in keys {
            if is_live { self.draft.remove(&stored)? } else { self.draft.discard(&stored)? }
        }
        Ok(Reply::OK)
    }
}

/// The reply to a `FLUSHDB` of more than [`MAX_CLEARED`] keys in a transaction.
pub(crate) fn too_many() -> ErrorReply {
    let text = format!(
        "FLUSHDB removes at most {MAX_CLEARED} keys within a transaction, since all writers wait for \
         it; there are more, which FLUSHDB removes outside of one"
    );
    ErrorReply::Failed(text.into())
}
