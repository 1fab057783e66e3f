//! Ctrl-C and SIGTERM as a flag, which long work checks in order to end cleanly.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// The flag. Without a registered signal it is never set.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on Ctrl-C sets the flag instead of ending the program.
    pub(super) fn on_ctrl_c() -> io::Result<Interrupt> {
        let flag = Interrupt::default();
        signal_hook::flag::register(SIGINT, Arc::clone(&flag.0))?;
        Ok(flag)
    }

    /// Like [`Interrupt::on_ctrl_c`], for SIGTERM too.
    pub(super) fn on_any_end() -> io::Result<Interrupt> {
        let flag = Interrupt::on_ctrl_c()?;
        signal_hook::flag::register(SIGTERM, Arc::clone(&flag.0))?;
        Ok(flag)
    }

    /// Whether the flag is set.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Clears the flag.
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
