//! The wait before the next attempt to connect: exponential back-off with full jitter (Brooker,
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

use std::time::Duration;

/// The upper bound of the first wait.
const FIRST: Duration = Duration::from_millis(20);

/// The upper bound of all waits.
const LONGEST: Duration = Duration::from_secs(1);

/// Successive waits with a growing bound.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// A random wait below a bound that doubles from [`FIRST`] up to [`LONGEST`].
    pub(crate) fn next_wait(&mut self) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts += 1;
        bound.mul_f64(rand::random::<f64>())
    }

    /// Returns to the first bound.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_second_and_no_further() {
        let mut backoff = Backoff::default();
        assert!(backoff.next_wait() <= FIRST);
        let longest = (0..1000).map(|_| backoff.next_wait()).max();
        assert!(longest.is_some_and(|wait| wait > LONGEST / 2 && wait <= LONGEST));
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
    }
}
