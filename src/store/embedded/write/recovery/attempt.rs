//! Failures of writes, and the attempts to take writes again.

use std::borrow::Cow;
use std::time::Instant;

use super::state::{COMMIT_ROOM, Failure, PROBE_INTERVAL, REOPEN_INTERVAL, Recovery, Remedy};
use crate::logging::event;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::disk::probe;
use crate::store::state::Health;

/// About the most room that merging tables takes.
const MERGE_ROOM: u64 = 160 * 1024 * 1024;
/// With less free room no attempt is made.
const LITTLE_ROOM: usize = 64 * 1024;

impl Recovery {
    /// Makes writes possible. Opens the database again if that is needed and the time for it has
    /// come. The error tells why writes are not possible.
    pub(crate) fn make_writable(&mut self) -> Result<(), Cow<'static, str>> {
        if self.failure.is_none() && self.look_for_room().is_ok() {
            let Some(transaction) = &self.transaction else { return Err("closed".into()) };
            let Err(mut fault) = transaction.database().check() else { return Ok(()) };
            // The database does not report why its background work failed.
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
            // The attempt itself shows whether there is room: nothing else is written, and nothing
            // is lost.
            room = LITTLE_ROOM;
        }
        // A closed database that cannot be opened again could not even be read.
        let probed = probe::write(&self.path, room).and_then(|()| probe::descriptors(&self.path));
        if let Err(error) = probed {
            let fault = Fault::from(error);
            let was_scarce = self.is_scarce();
            let why = self.fail(&fault, Instant::now() + PROBE_INTERVAL, remedy, room);
            // Opening the database removes the files of a merge that found no room.
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
            // The room of the reserve is free now.
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

    pub(super) fn note_up(&self) {
        tracing::info!(
            target: event::OUTAGE_TARGET,
            message_id = event::STORE_UP,
            "the embedded store takes writes again"
        );
        self.shared.set_health(Health::Up);
    }

    /// Handles an error of the transaction. Returns whether its commit may have taken place even
    /// so.
    ///
    /// The journal tells whether it did, once the database is open again: opening cuts an
    /// incomplete commit off.
    pub(crate) fn recover_from(&mut self, fault: &Fault) -> bool {
        let settled = self.settled;
        let attempted = self.transaction.as_ref().is_none_or(|it| it.commit_number() > settled);
        if !attempted {
            let room = self.background_room();
            self.fail(fault, Instant::now(), Remedy::Reopen, room);
            return false;
        }
        if matches!(fault, Fault::NoSpace) {
            // Otherwise the opened database would begin to merge tables.
            self.begin_scarcity();
        }
        // If the database cannot be opened again now, readers keep it as it is. A later attempt
        // tells about the commit.
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

    pub(super) fn fail(
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
            // This fault says nothing new.
            (Fault::Poisoned, Some(failure)) => failure.why.clone(),
            _ => fault.to_string().into(),
        };
        if self.failure.as_ref().is_none_or(|failure| failure.why != why) {
            tracing::error!(
                target: event::OUTAGE_TARGET,
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
