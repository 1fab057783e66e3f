//! Ctrl-C and SIGTERM: the run ends at its next sample, and takes its servers with it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// What unwinds the stack then.
pub(crate) struct Interrupted;

/// From now on these signals are heard.
pub(crate) fn watch() {
    let flag = FLAG.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag)).expect("a signal that can be heard");
    }
}

/// Unwinds the stack if one has come.
pub(crate) fn check() {
    if FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
        std::panic::resume_unwind(Box::new(Interrupted));
    }
}
