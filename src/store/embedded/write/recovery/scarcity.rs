//! A full disk. The reserve is given up, and only work that frees room is carried out.

use std::time::{Duration, Instant};

use super::state::{COMMIT_ROOM, PROBE_INTERVAL, REOPEN_INTERVAL, Recovery, Remedy, Scarcity};
use crate::store::embedded::disk::fault::Fault;

/// The reserve is taken again only if this fraction of its size stays free.
const MARGIN: u64 = 4;
/// The room for the background work.
const BACKGROUND_ROOM: usize = 24 * 1024 * 1024;

impl Recovery {
    /// Whether only work that frees room may be carried out.
    pub(crate) fn is_scarce(&self) -> bool {
        self.scarcity.is_some()
    }

    /// The time until the next look for room, if the disk is full.
    pub(crate) fn look_wait(&self) -> Option<Duration> {
        let scarcity = self.scarcity.as_ref()?;
        Some(scarcity.look_at.saturating_duration_since(Instant::now()))
    }

    pub(super) fn begin_scarcity(&mut self) {
        self.reserve.give_up();
        let (look_at, last) = (Instant::now(), self.settled);
        let margin = self.reserve.len() / MARGIN;
        self.scarcity.get_or_insert(Scarcity { look_at, merged: last, seen: last, margin });
    }

    /// The room for the background work. It is less on a small disk.
    pub(super) fn background_room(&self) -> usize {
        let half = usize::try_from(self.reserve.len() / 2).unwrap_or(usize::MAX);
        half.clamp(COMMIT_ROOM, BACKGROUND_ROOM)
    }

    /// Takes the reserve again if there is room. Before that, merges tables so that removed keys
    /// give up their room.
    pub(super) fn look_for_room(&mut self) -> Result<(), Fault> {
        let settled = self.settled;
        let Some(scarcity) = &mut self.scarcity else { return Ok(()) };
        if Instant::now() < scarcity.look_at {
            return Ok(());
        }
        scarcity.look_at = Instant::now() + PROBE_INTERVAL;
        // A merge amid many removals would come too early.
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

    pub(super) fn fail_to_free(&mut self, fault: &Fault) {
        let retry_at = Instant::now() + REOPEN_INTERVAL;
        self.fail(fault, retry_at, Remedy::Reopen, COMMIT_ROOM);
    }
}
