//! Ctrl-C and SIGTERM: the run ends at its next sample, and takes its servers with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// What unwinds the stack then.
struct Interrupted;

/// From now on these signals are heard. What fails after one says nothing: a terminal sends it to
/// the servers too, which end.
pub(crate) fn watch() {
    let flag = FLAG.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag)).expect("a signal that can be heard");
    }
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !has_come() {
            tell(panic);
        }
    }));
}

/// Whether there was one.
pub(crate) fn has_come() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Unwinds the stack if there was one.
pub(crate) fn check() {
    if has_come() {
        std::panic::resume_unwind(Box::new(Interrupted));
    }
}
