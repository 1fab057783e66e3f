//! Batches that only read. Replies come from the cache, from the database on the serving thread,
//! or, for long reads, from the database on another thread.

use std::sync::Arc;

use super::store::Embedded;
use super::thread::{Length, Waiting};
use crate::command::table::spec::Spec;
use crate::memory::ReplyRoom;
use crate::message::Reply;
use crate::store::embedded::argument::refusal::failure;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::format::scope::{Scope, StoredKey};
use crate::store::embedded::read::cache::known::Known;
use crate::store::embedded::read::cache::records::Epoch;
use crate::store::embedded::read::lengths::Lengths;
use crate::store::embedded::read::shared::Shared;
use crate::store::embedded::read::snapshot::View;
use crate::store::embedded::types::reads;
use crate::store::embedded::types::string::part;
use crate::store::embedded::types::weight::{self, MAX_IN_PLACE};
use crate::store::operation::Operation;

/// The replies, and the rest of the batch, for which there was no room.
pub(crate) type Done = (Vec<Reply>, Vec<Operation>);

impl Embedded {
    /// Carries out a batch that only reads, see [`Embedded::execute`].
    pub(crate) async fn read(&self, mut batch: Vec<Operation>, hold: &mut ReplyRoom) -> Done {
        let Cached { mut replies, epoch, is_full, lengths } =
            read_cached(&self.scope, &self.core.shared, &batch, hold);
        if is_full || replies.len() == batch.len() {
            let rest = batch.split_off(replies.len());
            return (replies, rest);
        }
        batch.drain(..replies.len());
        let here = self.where_to_read_at_once(&batch, lengths);
        let is_in_place = here.is_some();
        let place = if is_in_place {
            Ok(None)
        } else {
            self.place(Length::of(&batch), hold.account()).await.map(Some)
        };
        let place = match place {
            Ok(place) => place,
            Err(why) => {
                replies.extend(batch.iter().map(|it| failed(it.spec(), why)));
                return (replies, Vec::new());
            }
        };
        // The wait for a place may have taken long: the database may be another one by then.
        let epoch = if is_in_place { epoch } else { self.core.shared.cache.epoch() };
        let database = if is_in_place { here } else { self.database().await };
        let Some(database) = database else {
            replies.extend(batch.iter().map(|it| failed(it.spec(), "being opened again")));
            return (replies, Vec::new());
        };
        let user = hold.account().uid();
        let reading = Reading { database, scope: Arc::clone(&self.scope), epoch, user };
        if is_in_place {
            let read = reading.read(&self.core.shared, &batch, hold, || false);
            let rest = batch.split_off(read.len());
            replies.extend(read);
            return (replies, rest);
        }
        let specs: Vec<&'static Spec> = batch.iter().map(Operation::spec).collect();
        let shared = Arc::clone(&self.core.shared);
        let mut part = hold.take();
        let read = Waiting::spawn(move |waiting: &Waiting<_>| {
            let replies = reading.read(&shared, &batch, &mut part, || waiting.is_gone());
            let rest = batch.split_off(replies.len());
            // The place is free only when the thread is.
            drop((reading, place));
            (replies, rest, part)
        });
        if let Some((read, rest, part)) = read.await {
            hold.join(part);
            replies.extend(read);
            return (replies, rest);
        }
        replies.extend(specs.into_iter().map(|spec| failed(spec, "internal error")));
        (replies, Vec::new())
    }

    /// The database for a read on the serving thread; `None` if it is closed, or if `batch` may take
    /// longer than a few milliseconds.
    pub(super) fn where_to_read_at_once(
        &self,
        batch: &[Operation],
        lengths: Lengths,
    ) -> Option<Arc<Database>> {
        let weight = batch.iter().map(weight::weight).fold(0, usize::saturating_add);
        let database = self.core.shared.database().filter(|_| weight <= MAX_IN_PLACE)?;
        (!lengths.may_be_long(&self.scope, &database, batch)).then_some(database)
    }
}

const _: () = assert!(MAX_IN_PLACE <= Lengths::MAX_KEYS);

fn failed(spec: &'static Spec, why: &str) -> Reply {
    failure(spec.name, spec.effect, why, false)
}

/// The part of a batch that the cache answers.
struct Cached {
    /// The replies to the first operations.
    replies: Vec<Reply>,
    /// The epoch of all these replies.
    epoch: Epoch,
    /// Whether there is no room for another reply.
    is_full: bool,
    /// What the cache knows of the values that the other operations read.
    lengths: Lengths,
}

/// Carries out the GETs at the beginning of a batch, as far as the cache knows their records.
fn read_cached(
    scope: &Scope,
    shared: &Shared,
    batch: &[Operation],
    hold: &mut ReplyRoom,
) -> Cached {
    let now = shared.clock.now();
    let look = shared.cache.look();
    let mut replies = Vec::with_capacity(batch.len());
    let (mut is_full, mut room) = (false, StoredKey::new());
    for operation in batch {
        let (true, [key]) = (operation.spec().is_lookup(), &operation.args[..]) else { break };
        let record = match scope.stored_in(key, &mut room).and_then(|stored| look.get(stored)) {
            Some(Known::Present(record)) => Some(record).filter(|record| !record.is_expired(now)),
            Some(Known::Absent) => None,
            Some(Known::Long { .. }) | None => break,
        };
        let reply = part::found(scope, record);
        is_full = !hold.grow(reply.data_len());
        if is_full {
            break;
        }
        replies.push(reply);
    }
    let lengths = Lengths::of(scope, &look, &batch[replies.len()..]);
    Cached { replies, epoch: look.epoch(), is_full, lengths }
}

/// A read of the database, on whichever thread.
struct Reading {
    database: Arc<Database>,
    scope: Arc<Scope>,
    epoch: Epoch,
    user: Option<u32>,
}

impl Reading {
    /// Carries out a batch until there is no room for another reply, or the read is stopped.
    fn read(
        &self,
        shared: &Shared,
        batch: &[Operation],
        hold: &mut ReplyRoom,
        is_stopped: impl Fn() -> bool,
    ) -> Vec<Reply> {
        let now = shared.clock.now();
        let view = View::new(&self.database, &self.scope, shared, self.epoch);
        let mut replies = Vec::with_capacity(batch.len());
        for operation in batch {
            let reply = reads::execute_on(&view, operation, now, self.user);
            if !hold.grow(reply.data_len()) || is_stopped() {
                break;
            }
            replies.push(reply);
        }
        replies
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::account::{Accounts, Place};
    use crate::store::location::Location;
    use crate::store::options::{Options, Sync, Tls};

    fn options(directory: &std::path::Path) -> Options {
        Options {
            location: Location::Embedded(directory.to_owned()),
            username: None,
            password: None,
            tls: Tls::default(),
            timeout: Duration::from_secs(20),
            prefix: Bytes::new(),
            sync: Sync::No,
            last_depth: 10,
            max_reply: 1 << 20,
            cache: 0,
            has_parts: false,
            watch_limit: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn a_scan_waits_for_no_long_read_of_others() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Embedded::open(directory.path(), options(directory.path())).expect("opened");
        let accounts = Accounts::default();
        let places: Vec<Place> =
            (1..100).filter_map(|uid| store.core.reading.try_take(&accounts.of(uid))).collect();
        assert!(places.len() > 1 && store.core.reading.try_take(&accounts.of(100)).is_none());
        let operation = |name, args: &[&'static str]| {
            let args = args.iter().map(|it| Bytes::from_static(it.as_bytes())).collect();
            Operation::named(name, args).expect("a command")
        };
        let scan = vec![operation("SCAN", &["0"]), operation("RANDOMKEY", &[])];
        let (replies, rest) = store.read(scan, &mut ReplyRoom::unlimited()).await;
        assert_eq!((replies.len(), &replies[1]), (2, &Reply::Nil));
        assert!(!matches!(replies[0], Reply::Error(_)), "{replies:?}");
        assert!(rest.is_empty());
        let lcs = vec![operation("LCS", &["a", "b"])];
        let mut hold = ReplyRoom::unlimited();
        let waits =
            tokio::time::timeout(Duration::from_millis(50), store.read(lcs.clone(), &mut hold));
        assert!(waits.await.is_err(), "every thread for long reads is taken");
        drop(places);
        assert_eq!(store.read(lcs, &mut ReplyRoom::unlimited()).await.0.len(), 1);
    }
}
