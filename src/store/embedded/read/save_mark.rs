//! The moment of the last save, for `LASTSAVE`.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::store::embedded::argument::time;

/// When all data was last known to be on disk.
pub(crate) struct SaveMark(AtomicI64);

impl SaveMark {
    /// All data is on disk now.
    pub(crate) fn now() -> SaveMark {
        SaveMark(AtomicI64::new(unix_seconds()))
    }

    /// Notes that all data is on disk now.
    pub(crate) fn note(&self) {
        self.0.store(unix_seconds(), Ordering::Relaxed);
    }

    /// The moment, in Unix seconds.
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn unix_seconds() -> i64 {
    i64::try_from(time::now() / 1000).unwrap_or(i64::MAX)
}
