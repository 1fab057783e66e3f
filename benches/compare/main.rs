//! Compares kvsock with talking to Valkey directly and with other proxies, in turns and in one run,
//! and writes a table and a plot. `cargo bench --bench compare -- --help` tells the options.
//! `section` says what is compared with what, `server` starts the servers, `turn` has them take turns,
//! `load` asks them, and `report` writes the table and the plot.
//!
//! Nothing here judges: ratios are printed, and only wrong replies and senseless counts fail.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures are not negative, not large, and shown with three digits"
)]

mod host;
mod interrupt;
mod load;
mod options;
mod ratio;
mod relay;
mod report;
mod sample;
mod section;
mod server;
#[path = "../../tests/support/mod.rs"]
mod support;
mod turn;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/machine.rs"]
mod machine;

use std::process::ExitCode;

use options::Options;
use report::Report;

fn main() -> ExitCode {
    let options = Options::parse();
    interrupt::watch();
    // Servers and directories go as the stack is unwound.
    let run = std::panic::catch_unwind(|| {
        server::allow_many_descriptors();
        let mut report = Report::begin(&options);
        section::run_all(&options, &mut report);
        report.write(&options);
    });
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if interrupt::has_come() => ExitCode::from(130),
        Err(_) => ExitCode::FAILURE,
    }
}
