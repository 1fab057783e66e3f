//! Failed writes, and the attempts to take writes again.

use std::borrow::Cow;
use std::time::Instant;

use super::state::{COMMIT_ROOM, Failure, PROBE_INTERVAL, REOPEN_INTERVAL, Recovery, Remedy};
use crate::event;
use crate::store::embedded::disk::fault::Fault;
use crate::store::embedded::disk::probe;
use crate::store::state::Health;

/// Room that merging tables takes at most, about.
const MERGE_ROOM: u64 = 160 * 1024 * 1024;
/// Room without which there is no use in trying anything.
const LITTLE_ROOM: usize = 64 * 1024;

impl Recovery {
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

    pub(super) fn note_up(&self) {
        tracing::info!(message_id = event::STORE_UP, "the embedded store takes writes again");
        self.shared.set_health(Health::Up);
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
