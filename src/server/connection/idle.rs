//! The limit on how long a client may be silent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// The timer of `KVSOCK_CLIENT_TIMEOUT`. A movement only notes the time; the timer is set again
/// when it fires, not with every request.
pub(crate) struct Idle {
    limit: Duration,
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Idle {
    /// None without a limit.
    pub(crate) fn after(limit: Duration) -> Option<Idle> {
        let timer = || Box::pin(tokio::time::sleep(limit));
        (!limit.is_zero()).then(|| Idle { limit, since: Instant::now(), timer: timer() })
    }

    /// Notes a movement.
    pub(crate) fn touch(&mut self) {
        self.since = Instant::now();
    }

    /// Does not count `time` as silence.
    pub(crate) fn forgive(&mut self, time: Duration) {
        self.since += time;
    }

    /// Ready once no byte has moved for the limit.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let end = self.since + self.limit;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(end);
        }
    }
}
