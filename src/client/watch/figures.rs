//! The comparison of two looks at the daemon, and the history of all looks.

use std::collections::VecDeque;
use std::time::Duration;

use super::sample::{OWN_REQUESTS, Sample, Status};
use crate::client::error::ClientError;

/// The number of looks in the history.
const DEPTH: usize = 512;

/// The result of one look at the daemon; an error if the daemon is away.
pub(super) type Look = Result<Figures, ClientError>;

/// The figures of one look. Rates are `None` at the first, which has no predecessor.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) status: Status,
    pub(super) ping: Duration,
    pub(super) store_ping: Option<Duration>,
    /// Requests per second, without the watch's own.
    pub(super) requests: Option<f64>,
    /// Failed requests per second.
    pub(super) errors: Option<f64>,
    /// The share of reads since the previous look that found their key.
    pub(super) hit_rate: Option<f64>,
}

impl Figures {
    /// The difference between two looks, unless the daemon was restarted in between.
    pub(super) fn between(before: Option<&Sample>, now: &Sample) -> Figures {
        let before = before.filter(|before| before.status.pid == now.status.pid);
        let rate = |count: fn(&Status) -> u64, own: u64| {
            let before = before?;
            let seconds = now.at.duration_since(before.at).as_secs_f64();
            let count = count(&now.status).saturating_sub(count(&before.status));
            Some(as_f64(count.saturating_sub(own)) / seconds.max(f64::EPSILON))
        };
        Figures {
            requests: rate(|status| status.requests, OWN_REQUESTS),
            errors: rate(|status| status.errors, 0),
            hit_rate: before.and_then(|before| hit_rate(&before.status, &now.status)),
            status: now.status.clone(),
            ping: now.ping,
            store_ping: now.store_ping,
        }
    }
}

fn hit_rate(before: &Status, now: &Status) -> Option<f64> {
    let hits = now.hits?.saturating_sub(before.hits?);
    let misses = now.misses?.saturating_sub(before.misses?);
    let reads = hits + misses;
    (reads > 0).then(|| as_f64(hits) / as_f64(reads))
}

/// Counts are only displayed, so that a float's rounding does not matter.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// The looks so far, newest last; `None` while the daemon was away.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Option<Figures>>);

impl History {
    /// Adds a look.
    pub(super) fn add(&mut self, figures: Option<&Figures>) {
        if self.0.len() == DEPTH {
            self.0.pop_front();
        }
        self.0.push_back(figures.cloned());
    }

    /// A line of `width` bars, newest last; the highest bar is the largest value.
    pub(super) fn sparkline(
        &self,
        value: impl Fn(&Figures) -> Option<f64>,
        width: usize,
    ) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let first = self.0.len().saturating_sub(width);
        let values: Vec<_> =
            self.0.iter().skip(first).map(|look| look.as_ref().and_then(&value)).collect();
        let largest = values.iter().flatten().copied().fold(0.0, f64::max);
        let bar = |value: &Option<f64>| {
            let Some(value) = value else { return ' ' };
            // Each step of a bar is an eighth of the largest value.
            let at = (1..BARS.len()).take_while(|bar| value * 8.0 > largest * as_f64(*bar as u64));
            BARS[at.count()]
        };
        values.iter().map(bar).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::sample::StoreStatus;
    use super::*;

    fn sample(pid: u32, requests: u64, hits: u64, at: Instant) -> Sample {
        let store = StoreStatus { url: String::new(), up: true, error: None };
        let status = Status {
            version: String::new(),
            pid,
            uptime_seconds: 0.0,
            db_size: None,
            store,
            clients: 1,
            refused: 0,
            requests,
            errors: 0,
            hits: Some(hits),
            misses: Some(10),
        };
        Sample { at, status, ping: Duration::ZERO, store_ping: None }
    }

    #[test]
    fn rates_are_those_of_others_between_two_looks() {
        let start = Instant::now();
        let first = sample(1, 100, 0, start);
        let second = sample(1, 123, 5, start + Duration::from_secs(2));
        assert_eq!(Figures::between(None, &first).requests, None);
        let figures = Figures::between(Some(&first), &second);
        assert_eq!((figures.requests, figures.hit_rate), (Some(10.0), Some(1.0)));
        let restarted = sample(2, 3, 0, start + Duration::from_secs(4));
        assert_eq!(Figures::between(Some(&second), &restarted).requests, None);
    }

    #[test]
    fn the_newest_looks_are_bars_of_their_height() {
        let mut history = History::default();
        for requests in [100, 0, 1, 8] {
            let now = sample(1, requests, 0, Instant::now());
            history.add(Some(&Figures::between(None, &now)));
        }
        history.add(None);
        let line = history.sparkline(|figures| Some(as_f64(figures.status.requests)), 4);
        assert_eq!(line, "▁▁█ ");
        assert_eq!(history.sparkline(|_| Some(0.0), 9), "▁▁▁▁ ");
    }
}
