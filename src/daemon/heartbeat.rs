//! The daemon's signs of life for the service manager, from the serving loop itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{Context, Counters};
use crate::store::Health;
use crate::systemd::notify::Notifier;

/// The pause between two signs while there are requests.
const BUSY: Duration = Duration::from_secs(1);
/// The pause while there are none; the watchdog may want it shorter.
const IDLE: Duration = Duration::from_secs(5);
/// Signs that the watchdog gets in its time: one may be late, and another get lost.
const SIGNS: u32 = 3;

/// Keeps `STATUS=` current and feeds the watchdog, as long as those that serve take new work, so
/// that a loop that does not turn is noticed; asks nothing of the store.
pub(super) async fn beat(notifier: &Notifier, context: &Arc<Context>) -> Infallible {
    if !notifier.is_heard() {
        return std::future::pending().await;
    }
    let watchdog = notifier.watchdog().map_or(IDLE, |time| time / SIGNS);
    let mut shown = String::new();
    let mut requests = 0;
    let mut since = Instant::now();
    let mut busy = true;
    loop {
        let pause = if busy { BUSY } else { IDLE };
        tokio::time::sleep(pause.min(watchdog)).await;
        if notifier.watchdog().is_some() && tokio::spawn(async {}).await.is_ok() {
            notifier.alive();
        }
        let elapsed = since.elapsed();
        if elapsed < BUSY {
            continue;
        }
        let now = Counters::read(&context.counters.requests);
        let rate = (now - requests) * 1000 / u64::try_from(elapsed.as_millis()).unwrap_or(1).max(1);
        busy = now != requests;
        (requests, since) = (now, Instant::now());
        let status = status(context, rate);
        if status != shown {
            notifier.status(&status);
            shown = status;
        }
    }
}

/// How the daemon is, in one line for people.
pub(super) fn status(context: &Context, rate: u64) -> String {
    let clients = Counters::read(&context.counters.clients);
    let plural = if clients == 1 { "" } else { "s" };
    let store = match context.store().health() {
        Health::Up => "up".to_owned(),
        Health::Down(why) => format!("down: {why}"),
    };
    format!("{clients} client{plural}, {rate} requests/s, store {store}")
}
