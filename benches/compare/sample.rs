//! One measurement of one server.

use std::time::Duration;

/// How so many requests went.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latency: Latency,
    /// Where the server's processes can be looked at.
    pub(crate) cost: Option<Cost>,
}

/// Quantiles of the time from a request (or a pipeline of them) to its last reply. Those that too
/// few requests would make up are absent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: Duration,
    pub(crate) p99: Option<Duration>,
    pub(crate) p99_9: Option<Duration>,
}

/// What the processes took meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Processor time of the server under test.
    pub(crate) server: Duration,
    /// The same and that of the Valkey behind it, where there is one.
    pub(crate) together: Duration,
    /// Resident memory of the server under test afterwards, in bytes.
    pub(crate) resident: u64,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Fails for figures that no right measurement gives.
    pub(crate) fn check(&self, title: &str, server: &str, asked: u64) {
        let what = format!("{title}, {server}: {self:?}");
        assert!(self.requests >= asked && self.requests > 0, "asked for {asked}: {what}");
        assert!(!self.elapsed.is_zero() && !self.latency.p50.is_zero(), "no time passed: {what}");
        let rising = [Some(self.latency.p50), self.latency.p99, self.latency.p99_9];
        assert!(rising.iter().flatten().is_sorted(), "quantiles fall: {what}");
        // valkey-benchmark counts whole milliseconds.
        let whole = self.elapsed + Duration::from_millis(1);
        assert!(self.latency.p50 <= whole, "a part is more than the whole: {what}");
        let Some(cost) = self.cost else { return };
        assert!(!cost.server.is_zero() && cost.server <= cost.together, "{what}");
        assert!(cost.resident > 0, "{what}");
    }
}

impl Latency {
    /// Of these times, which are sorted here; there must be one.
    pub(crate) fn of(times: &mut [Duration]) -> Latency {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share).ceil() as usize];
        Latency {
            p50: at(0.5),
            p99: (times.len() >= 100).then(|| at(0.99)),
            p99_9: (times.len() >= 1000).then(|| at(0.999)),
        }
    }
}
