//! Whole processes, as a shell script starts them.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::connection::assert_same;
use super::{key, value};
use crate::interrupt;
use crate::sample::{Latency, Sample};
use crate::server::Server;

/// What to ask for: the value of a key.
pub(crate) fn get() -> [String; 2] {
    ["get".to_owned(), key(64, 7)]
}

/// Runs it so many times, one after the other; each has to print the value of [`get`].
pub(crate) fn run(command: &mut Command, server: &Server, count: u64) -> Sample {
    let wanted = format!("{}\n", value(64));
    let mut times = Vec::new();
    let ((), cost) = server.meter.measure(|| {
        command.stdin(Stdio::null());
        for _ in 0..count {
            let start = Instant::now();
            let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
            times.push(start.elapsed());
            interrupt::check();
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command:?}: {complaints}");
            assert_same(&output.stdout, wanted.as_bytes());
        }
    });
    let elapsed = times.iter().sum();
    Sample { requests: count, elapsed, latency: Latency::of(&mut times), cost: Some(cost) }
}
