//! Ctrl-C and SIGTERM as a flag that long work looks at, so that it can end in good order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// Whether somebody wants this to end. One that no signal was registered for never says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on Ctrl-C no longer ends the program but sets the flag.
    pub(super) fn on_ctrl_c() -> io::Result<Interrupt> {
        let flag = Interrupt::default();
        signal_hook::flag::register(SIGINT, Arc::clone(&flag.0))?;
        Ok(flag)
    }

    /// The same with SIGTERM.
    pub(super) fn on_any_end() -> io::Result<Interrupt> {
        let flag = Interrupt::on_ctrl_c()?;
        signal_hook::flag::register(SIGTERM, Arc::clone(&flag.0))?;
        Ok(flag)
    }

    /// Whether it was set.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes it back.
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
