//! The rations of users while the background work of the database is behind: the bytes that each user
//! may still write. So users that write little do not wait for background work that others caused.

use std::collections::HashMap;

use super::job::Job;

/// The bytes of each user until the background work has caught up.
const RATION: usize = 256 * 1024;

/// The rations of all users.
#[derive(Default)]
pub(crate) struct Rations {
    are_in_force: bool,
    taken: HashMap<Option<u32>, usize>,
}

impl Rations {
    /// Notes whether the background work is behind.
    pub(crate) fn set_in_force(&mut self, is_behind: bool) {
        self.are_in_force = is_behind;
        if !is_behind {
            self.taken.clear();
        }
    }

    /// Whether the user's ration leaves room for `job`.
    pub(crate) fn allow(&self, job: &Job) -> bool {
        let taken = self.taken.get(&job.uid()).copied().unwrap_or_default();
        !self.are_in_force || taken + job.len() <= RATION
    }

    /// Takes `job` out of the user's ration.
    pub(crate) fn take(&mut self, job: &Job) {
        if self.are_in_force {
            *self.taken.entry(job.uid()).or_default() += job.len();
        }
    }
}
