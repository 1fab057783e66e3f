//! Opening the database again after a failed write, in the same process.
//!
//! The database takes no write after one has failed, in the foreground or in the background.
//! Reads go on with it as it is, until there is room; then it is closed and opened again. Before
//! it takes writes, all that was read back is in tables, and another journal has begun.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use fjall::PersistMode;

use super::commit::transaction::Transaction;
use crate::event;
use crate::store::embedded::disk::database::Database;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::disk::journal;
use crate::store::embedded::disk::journal::Journal;
use crate::store::embedded::disk::probe;
use crate::store::embedded::disk::reserve::Reserve;
use crate::store::embedded::format::scope::Scope;
use crate::store::embedded::read::shared::Shared;
use crate::store::state::Health;

/// Between two looks for room.
const PROBE_INTERVAL: Duration = Duration::from_millis(200);
/// Between two openings.
const REOPEN_INTERVAL: Duration = Duration::from_millis(500);
/// How long readers may hold on to a database that is to be closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// How long the end may take to spare the next start the journal.
const WRITE_OUT_LIMIT: Duration = Duration::from_secs(2);
/// Room that merging tables takes at most, about.
const MERGE_ROOM: u64 = 160 * 1024 * 1024;
/// Beside the reserve there must be a part of so many of its size, before it is taken again.
const MARGIN: u64 = 4;
/// Room without which there is no use in trying anything.
const LITTLE_ROOM: usize = 64 * 1024;
/// Room that a commit needs.
const COMMIT_ROOM: usize = 1024 * 1024;
/// Room that the background work needs.
const BACKGROUND_ROOM: usize = 24 * 1024 * 1024;

/// The writer's transaction, and how to come by another one.
pub(crate) struct Recovery {
    path: PathBuf,
    scope: Scope,
    last_depth: usize,
    has_parts: bool,
    shared: Arc<Shared>,
    transaction: Option<Transaction>,
    /// The last commit that is known to be in the database.
    settled: u64,
    failure: Option<Failure>,
    reserve: Reserve,
    /// While the reserve is given up.
    scarcity: Option<Scarcity>,
    opened_at: Instant,
}

/// The disk is full: only what frees room is written.
struct Scarcity {
    /// When to look for room again.
    look_at: Instant,
    /// The last commit whose removals were made good use of.
    merged: u64,
    /// The last commit at the last look.
    seen: u64,
    /// Bytes that must be left beside the reserve before it is taken again.
    margin: u64,
}

/// Why there are no writes now.
struct Failure {
    why: Cow<'static, str>,
    retry_at: Instant,
    remedy: Remedy,
    room: usize,
}

/// What must be done before there are writes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// To open the database again, with another journal.
    Reopen,
    /// The same, though it has just been opened.
    Renew,
}

impl Recovery {
    /// Opens the store at `path` for the first time.
    pub(crate) fn open(
        path: PathBuf,
        scope: Scope,
        last_depth: usize,
        has_parts: bool,
        shared: Arc<Shared>,
    ) -> Result<Recovery, Fault> {
        let reserve = Reserve::new(&path);
        let mut recovery = Recovery {
            reserve,
            scarcity: None,
            path,
            scope,
            last_depth,
            has_parts,
            shared,
            transaction: None,
            settled: 0,
            failure: None,
            opened_at: Instant::now(),
        };
        recovery.reopen()?;
        recovery.reserve = Reserve::new(&recovery.path);
        if recovery.reserve.is_given_up() {
            recovery.begin_scarcity();
        } else if let Err(error) = recovery.reserve.take(0) {
            tracing::warn!(%error, "the embedded store has no reserve of room");
        }
        if journal::is_in_doubt(&recovery.path) {
            let room = recovery.background_room();
            recovery.fail(&Fault::Poisoned, Instant::now(), Remedy::Renew, room);
        }
        Ok(recovery)
    }

    /// The transaction, unless the store is closed for now.
    pub(crate) fn transaction(&mut self) -> Option<&mut Transaction> {
        self.transaction.as_mut()
    }

    /// Notes that all commits so far took place.
    pub(crate) fn settle(&mut self) {
        if let Some(transaction) = &self.transaction {
            self.settled = transaction.commit_number();
        }
    }

    /// How long until the next attempt, if writes fail now.
    pub(crate) fn retry_wait(&self) -> Option<Duration> {
        let failure = self.failure.as_ref()?;
        Some(failure.retry_at.saturating_duration_since(Instant::now()))
    }

    /// Sees to it that writes can be tried, opening the database again if that is needed and
    /// time; otherwise tells why they cannot.
    pub(crate) fn make_writable(&mut self) -> Result<(), Cow<'static, str>> {
        if self.failure.is_none() && self.look_for_room().is_ok() {
            let Some(transaction) = &self.transaction else { return Err("closed".into()) };
            let Err(mut fault) = transaction.database().check() else { return Ok(()) };
            // The database does not tell why its background work failed.
            let tables = transaction.database().tables().min(MERGE_ROOM);
            if matches!(fault, Fault::Poisoned) && self.reserve.room() < tables {
                fault = Fault::NoSpace;
                self.begin_scarcity();
                self.scarcity.iter_mut().for_each(|it| it.margin = it.margin.max(tables));
            }
            let room = self.background_room();
            self.fail(&fault, Instant::now(), Remedy::Reopen, room);
        }
        let Some(failure) = &mut self.failure else { return Ok(()) };
        if Instant::now() < failure.retry_at {
            return Err(failure.why.clone());
        }
        let (remedy, mut room) = (failure.remedy, failure.room);
        if remedy == Remedy::Renew && self.scarcity.is_some() {
            // It shows whether there is room: nothing else writes, and nothing is lost.
            room = LITTLE_ROOM;
        }
        // Closed, and not to be opened again, it could not even be read.
        let probed = probe::write(&self.path, room).and_then(|()| probe::descriptors(&self.path));
        if let Err(error) = probed {
            let fault = Fault::from(error);
            let was_scarce = self.is_scarce();
            let why = self.fail(&fault, Instant::now() + PROBE_INTERVAL, remedy, room);
            // Opening removes what a merge left that found no room.
            if remedy == Remedy::Reopen
                && matches!(fault, Fault::NoSpace)
                && self.opened_at.elapsed() >= REOPEN_INTERVAL
                && probe::descriptors(&self.path).is_ok()
            {
                let retry_at = Instant::now() + PROBE_INTERVAL;
                return Err(match self.reopen() {
                    Ok(()) => self.fail(&fault, retry_at, Remedy::Renew, room),
                    Err(again) => self.fail(&again, retry_at, Remedy::Reopen, room),
                });
            }
            if was_scarce == self.is_scarce() {
                return Err(why);
            }
            // Now the reserve is there.
            probe::write(&self.path, room).map_err(|_| why)?;
        }
        let soonest = self.opened_at + REOPEN_INTERVAL;
        if remedy == Remedy::Reopen && Instant::now() < soonest {
            return Err(self.fail(&Fault::Poisoned, soonest, remedy, room));
        }
        let remedied = self.renew();
        if let Err(fault) = remedied {
            let retry_at = Instant::now() + REOPEN_INTERVAL;
            let room = room.max(self.background_room());
            let remedy = if self.is_scarce() { Remedy::Renew } else { Remedy::Reopen };
            return Err(self.fail(&fault, retry_at, remedy, room));
        }
        self.failure = None;
        if self.scarcity.is_none() {
            self.note_up();
        } else {
            self.shared.set_health(Health::Down(Fault::NoSpace.to_string()));
        }
        Ok(())
    }

    fn note_up(&self) {
        tracing::info!(message_id = event::STORE_UP, "the embedded store takes writes again");
        self.shared.set_health(Health::Up);
    }

    /// Whether only what frees room may be written.
    pub(crate) fn is_scarce(&self) -> bool {
        self.scarcity.is_some()
    }

    /// How long until the next look for room, if the disk is full.
    pub(crate) fn look_wait(&self) -> Option<Duration> {
        let scarcity = self.scarcity.as_ref()?;
        Some(scarcity.look_at.saturating_duration_since(Instant::now()))
    }

    fn begin_scarcity(&mut self) {
        self.reserve.give_up();
        let (look_at, last) = (Instant::now(), self.settled);
        let margin = self.reserve.len() / MARGIN;
        self.scarcity.get_or_insert(Scarcity { look_at, merged: last, seen: last, margin });
    }

    /// Room that the background work needs; less on a small disk.
    fn background_room(&self) -> usize {
        let half = usize::try_from(self.reserve.len() / 2).unwrap_or(usize::MAX);
        half.clamp(COMMIT_ROOM, BACKGROUND_ROOM)
    }

    /// Takes the reserve again, if there is room by now; before, makes what was removed free its room.
    fn look_for_room(&mut self) -> Result<(), Fault> {
        let settled = self.settled;
        let Some(scarcity) = &mut self.scarcity else { return Ok(()) };
        if Instant::now() < scarcity.look_at {
            return Ok(());
        }
        scarcity.look_at = Instant::now() + PROBE_INTERVAL;
        // Not amid many removals.
        let is_quiet = std::mem::replace(&mut scarcity.seen, settled) == settled;
        if is_quiet && scarcity.merged < settled {
            let database = self.transaction.as_ref().ok_or(Fault::Poisoned)?.database();
            if database.can_merge(database.state()?.count, self.reserve.room()) {
                scarcity.merged = settled;
                if let Err(fault) = self.renew() {
                    self.fail_to_free(&fault);
                    return Err(fault);
                }
            }
        }
        let margin = self.scarcity.as_ref().map_or(0, |scarcity| scarcity.margin);
        if self.reserve.take(margin).is_ok() {
            self.scarcity = None;
            if let Err(fault) = self.reopen() {
                self.fail_to_free(&fault);
                return Err(fault);
            }
            self.note_up();
        }
        Ok(())
    }

    fn fail_to_free(&mut self, fault: &Fault) {
        let retry_at = Instant::now() + REOPEN_INTERVAL;
        self.fail(fault, retry_at, Remedy::Reopen, COMMIT_ROOM);
    }

    /// After an error of the transaction: whether its commit may have taken place all the same.
    ///
    /// The journal tells, once the database is open again: an incomplete commit is cut off there.
    pub(crate) fn recover_from(&mut self, fault: &Fault) -> bool {
        let settled = self.settled;
        let attempted = self.transaction.as_ref().is_none_or(|it| it.commit_number() > settled);
        if !attempted {
            let room = self.background_room();
            self.fail(fault, Instant::now(), Remedy::Reopen, room);
            return false;
        }
        if matches!(fault, Fault::NoSpace) {
            // Opened as when there is room, it would begin to merge tables.
            self.begin_scarcity();
        }
        // As long as it cannot be opened again it is read as it is, and that is for later to tell.
        if let Err(error) = probe::descriptors(&self.path) {
            let retry_at = Instant::now() + PROBE_INTERVAL;
            self.fail(&Fault::from(error), retry_at, Remedy::Reopen, COMMIT_ROOM);
            return true;
        }
        match self.reopen() {
            Ok(()) => {
                self.fail(fault, Instant::now() + PROBE_INTERVAL, Remedy::Renew, COMMIT_ROOM);
                self.settled > settled
            }
            Err(again) => {
                let retry_at = Instant::now() + REOPEN_INTERVAL;
                self.fail(&again, retry_at, Remedy::Reopen, COMMIT_ROOM);
                true
            }
        }
    }

    /// Closes the store for good, and spares the next start what it can.
    pub(crate) fn finish(mut self) {
        // As closing, this may panic when the background work did.
        let journal = catch_unwind(AssertUnwindSafe(|| self.write_out())).unwrap_or_default();
        self.close();
        // Where it cannot be spared, the next start takes longer.
        if let Some(Err(error)) = journal.map(|journal| journal.cut()) {
            tracing::debug!(%error, "the journal of the embedded store stays");
        }
    }

    /// Writes all of the database to tables, if that is worth it; gives the journal that is of no
    /// use any more.
    fn write_out(&self) -> Option<Journal> {
        let database = self.transaction.as_ref()?.database();
        let is_long = Journal::find(&self.path).ok()??.is_long();
        if !is_long || self.failure.is_some() || !database.write_out(WRITE_OUT_LIMIT).ok()? {
            return None;
        }
        database.persist(PersistMode::SyncAll).ok()?;
        Journal::find(&self.path).ok()?
    }

    /// Closes the store; waits for readers, within bounds.
    fn close(&mut self) {
        self.shared.publish(None);
        let Some(transaction) = self.transaction.take() else { return };
        let database = Arc::downgrade(transaction.database());
        // The database's own closing may panic when its background work did.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(transaction)));
        wait_for_readers(&database);
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.close();
        self.opened_at = Instant::now();
        // What it begins with is a sync of the journal.
        let open = if self.is_scarce() { Database::open_idle } else { Database::open };
        let opened = open(&self.path).inspect_err(|fault| {
            if matches!(fault, Fault::Io(_) | Fault::NoSpace) {
                journal::doubt(&self.path);
            }
        });
        let database = Arc::new(opened?);
        let shared = Arc::clone(&self.shared);
        let transaction = Transaction::begin(
            Arc::clone(&database),
            &self.scope,
            self.last_depth,
            self.has_parts,
            shared,
        )?;
        self.transaction = Some(transaction);
        self.settle();
        self.shared.publish(Some(database));
        Ok(())
    }

    /// Closes the database, writes all that it holds to tables, and opens it again with an empty
    /// journal. After an error it may be closed, if it cannot be opened.
    fn renew(&mut self) -> Result<(), Fault> {
        self.close();
        let renewed = catch_unwind(AssertUnwindSafe(|| self.renew_closed()));
        self.reopen()?;
        renewed.unwrap_or(Err(Fault::Panicked))
    }

    fn renew_closed(&self) -> Result<(), Fault> {
        Database::open_idle(&self.path)?.write_out_here()?;
        journal::renew(&self.path)?;
        if self.is_scarce() {
            let database = Database::open_idle(&self.path)?;
            if database.can_merge(database.state()?.count, self.reserve.room())
                && let Err(fault) = database.merge_all()
            {
                tracing::debug!(%fault, "removed keys of the embedded store still take room");
            }
        }
        Ok(())
    }

    /// Tells the next process that what is written last may not be on the disk.
    pub(crate) fn doubt(&self) {
        journal::doubt(&self.path);
    }

    fn fail(
        &mut self,
        fault: &Fault,
        retry_at: Instant,
        remedy: Remedy,
        room: usize,
    ) -> Cow<'static, str> {
        if matches!(fault, Fault::NoSpace) {
            self.begin_scarcity();
        }
        if self.failure.is_none() {
            self.doubt();
        }
        let why: Cow<'static, str> = match (fault, &self.failure) {
            // It says nothing new.
            (Fault::Poisoned, Some(failure)) => failure.why.clone(),
            _ => fault.to_string().into(),
        };
        if self.failure.as_ref().is_none_or(|failure| failure.why != why) {
            tracing::error!(
                message_id = event::STORE_DOWN,
                %why,
                "the embedded store takes no writes"
            );
        }
        self.shared.set_health(Health::Down(why.clone().into_owned()));
        self.failure = Some(Failure { why: why.clone(), retry_at, remedy, room });
        why
    }
}

fn wait_for_readers(database: &Weak<Database>) {
    let begun = Instant::now();
    while database.strong_count() > 0 && begun.elapsed() < CLOSE_LIMIT {
        std::thread::sleep(Duration::from_millis(1));
    }
}
