//! The number of keys as `status` shows it: cached, for on a prefixed Valkey it takes a scan.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::Context;
use crate::message::{Args, Reply};
use crate::store::{Health, Operation, Verb};

/// A count stands for at least this long.
const MIN_AGE: Duration = Duration::from_millis(500);
/// It stands for at least so many times as long as it took, so that counting is a small part of
/// what the store does.
const COST_FACTOR: u32 = 20;
/// The longest that a `status` waits for a new count.
const PATIENCE: Duration = Duration::from_millis(250);

/// The last count, and when another is worth its cost.
#[derive(Debug, Default)]
pub(super) struct CachedSize(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    size: Option<i64>,
    /// Until when `size` stands; none if it never was counted.
    stands_until: Option<Instant>,
    counting: bool,
}

impl CachedSize {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of keys, perhaps of a moment ago; `None` if the store never told.
pub(super) async fn cached_size(context: &Arc<Context>) -> Option<i64> {
    {
        let mut state = context.size.state();
        let stands = state.stands_until.is_some_and(|until| Instant::now() < until);
        if stands || state.counting || context.store.health() != Health::Up {
            return state.size;
        }
        state.counting = true;
    }
    // A count that takes longer than its asker's patience goes on, for the next one.
    let counting = tokio::spawn(count(Arc::clone(context)));
    let _ = tokio::time::timeout(PATIENCE, counting).await;
    context.size.state().size
}

async fn count(context: Arc<Context>) {
    let start = Instant::now();
    let operation = Operation { verb: Verb::Size, args: Args::new() };
    let reply = context.store.execute(vec![operation]).await.pop();
    let stands = MIN_AGE.max(start.elapsed() * COST_FACTOR);
    let mut state = context.size.state();
    state.counting = false;
    state.stands_until = Some(Instant::now() + stands);
    if let Some(Reply::Integer(size)) = reply {
        state.size = Some(size);
    }
}
