//! `--check`: prints the settings in effect, or what the store is, and ends.

use tokio::runtime::Builder;

use super::welcome;
use crate::config::Invocation;
use crate::exit::Exit;
use crate::store::{CheckFault, Store};

/// Prints the settings in effect.
pub(super) fn settings(invocation: &Invocation) -> Exit {
    welcome::print(&invocation.in_effect.to_string());
    warn(invocation);
    Exit::Ok
}

/// Looks at the store, and prints what it is on standard output and each fault on standard error.
/// The first fault decides the exit status.
pub(super) fn store(invocation: &Invocation) -> Exit {
    warn(invocation);
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("kvsockd: system: {error}");
            return Exit::Unavailable;
        }
    };
    let check = runtime.block_on(Store::check(&invocation.settings.store));
    for fact in &check.found {
        welcome::print(&format!("{fact}\n"));
    }
    for fault in &check.faults {
        eprintln!("kvsockd: {fault}");
    }
    check.faults.first().map_or(Exit::Ok, exit)
}

fn exit(fault: &CheckFault) -> Exit {
    match fault {
        CheckFault::Config(_) => Exit::Config,
        CheckFault::Permission(_) => Exit::NoPermission,
        CheckFault::Unavailable(_) => Exit::Unavailable,
        CheckFault::Io(_) => Exit::Io,
    }
}

fn warn(invocation: &Invocation) {
    for warning in &invocation.warnings {
        eprintln!("kvsockd: warning: {warning}");
    }
}
