//! The tasks that wait for the index flush. While there are none, the flush takes its time.

use tokio::sync::watch;
use tokio::time::Instant;

/// The number of waiting tasks.
#[derive(Debug, Default)]
pub(crate) struct Waiting(watch::Sender<usize>);

impl Waiting {
    /// Counts one waiting task until the guard is dropped.
    pub(crate) fn enter(&self) -> impl Drop {
        self.0.send_modify(|count| *count += 1);
        Waits(&self.0)
    }

    /// Returns at `moment`, or as soon as a task waits.
    pub(crate) async fn by(&self, moment: Instant) {
        let mut count = self.0.subscribe();
        // The sender lives as long as this call.
        let _ = tokio::time::timeout_at(moment, count.wait_for(|count| *count > 0)).await;
    }
}

struct Waits<'a>(&'a watch::Sender<usize>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn there_is_time_until_somebody_waits() {
        let waiting = Waiting::default();
        waiting.by(Instant::now()).await;
        let late = Instant::now() + Duration::from_secs(3600);
        let mut by = pin!(waiting.by(late));
        assert_eq!(by.as_mut().now_or_never(), None);
        let somebody = waiting.enter();
        by.await;
        waiting.by(late).await;
        drop(somebody);
        assert_eq!(waiting.by(late).now_or_never(), None);
    }
}
