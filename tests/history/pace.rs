//! How fast answers come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Answers to all clients, and the time in which they came.
#[derive(Debug)]
pub(crate) struct Pace<'a> {
    /// Those of the whole run.
    all: &'a AtomicU64,
    answers: u64,
    time: Duration,
}

impl Pace<'_> {
    /// Of `all` none is counted yet.
    pub(crate) fn new(all: &AtomicU64) -> Pace<'_> {
        Pace { all, answers: 0, time: Duration::ZERO }
    }

    /// Counts the answers that come during `work`.
    pub(crate) fn during(&mut self, work: impl FnOnce()) {
        let (before, begun) = (self.all.load(Ordering::Relaxed), Instant::now());
        work();
        self.answers += self.all.load(Ordering::Relaxed) - before;
        self.time += begun.elapsed();
    }

    /// Answers a second; 0 if none was counted.
    #[expect(clippy::cast_precision_loss, reason = "it is compared with a multiple of another")]
    pub(crate) fn a_second(&self) -> f64 {
        self.answers as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}
