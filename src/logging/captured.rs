//! For tests: the targets of log entries.

use std::sync::{Arc, Mutex};

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

#[derive(Clone, Default)]
struct Targets(Arc<Mutex<Vec<&'static str>>>);

impl<S: Subscriber> Layer<S> for Targets {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.lock().expect("one thread").push(event.metadata().target());
    }
}

/// The targets of the entries that `log` makes, in their order.
pub(crate) fn targets(log: impl FnOnce()) -> Vec<&'static str> {
    let targets = Targets::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(targets.clone()), log);
    targets.0.lock().expect("one thread").clone()
}
