//! `valkey-benchmark`: RESP, many clients, pipelines.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::dialect::Verb;
use super::driver::Work;
use super::{KEYS, value};
use crate::interrupt;
use crate::sample::{Latency, Sample};
use crate::server::is_installed;

/// Longer than that it may not take, in seconds.
const PATIENCE: &str = "120";

/// Asks so many requests; the sample has no cost.
pub(crate) fn run(socket: &Path, work: Work, requests: u64) -> Sample {
    let program = ["valkey-benchmark", "redis-benchmark"].into_iter().find(|p| is_installed(p));
    let mut command = Command::new("timeout");
    command.args(["--foreground", PATIENCE]);
    command.arg(program.expect("valkey-benchmark is installed with valkey-cli"));
    command.arg("-s").arg(socket).args(["--precision", "3"]);
    let counts = [("-c", work.clients), ("-n", requests), ("-P", work.depth), ("-r", KEYS)];
    for (flag, count) in counts {
        command.arg(flag).arg(count.to_string());
    }
    let key = format!("v{}:__rand_int__", work.size);
    match work.verb {
        Verb::Get => command.args(["get", &key]),
        Verb::Set => command.args(["set", &key, &value(work.size)]),
    };
    let output = command.output().expect("timeout is part of coreutils");
    interrupt::check();
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let is_fine =
        output.status.success() && !printed.contains("Error") && !complaints.contains("Error");
    assert!(is_fine, "{command:?}: {}\n{printed}{complaints}", output.status);
    read(&printed)
        .unwrap_or_else(|| panic!("{command:?} printed what is not understood: {printed}"))
}

/// What it printed.
fn read(printed: &str) -> Option<Sample> {
    let lines = || printed.split(['\r', '\n']).map(str::trim);
    let requests = lines().find_map(|line| Some(line.split_once(" requests completed in ")?.0))?;
    let requests: u64 = requests.parse().ok()?;
    let rate = lines().find_map(|line| line.strip_prefix("throughput summary: "))?;
    let rate: f64 = rate.split_once(' ')?.0.parse().ok()?;
    let summary = lines().skip_while(|line| !line.starts_with("avg ")).nth(1)?;
    let mut summary = summary.split_whitespace().skip(2).map(milliseconds);
    let (p50, _, p99) = (summary.next()??, summary.next()??, summary.next()??);
    let latency = Latency {
        p50,
        p99: (requests >= 100).then_some(p99),
        // The shares that it prints lie ever closer; the next above is at most half as far from 1.
        p99_9: if requests >= 1000 { Some(lines().find_map(beyond_99_9)?) } else { None },
    };
    let elapsed = Duration::from_secs_f64(requests as f64 / rate);
    Some(Sample { requests, elapsed, latency, cost: None })
}

/// Of a line like `99.902% <= 0.551 milliseconds (cumulative count 10)`.
fn beyond_99_9(line: &str) -> Option<Duration> {
    let (share, rest) = line.split_once("% <= ")?;
    let is_beyond = share.parse::<f64>().is_ok_and(|share| share >= 99.9);
    is_beyond.then(|| milliseconds(rest.split_once(' ')?.0))?
}

fn milliseconds(figure: &str) -> Option<Duration> {
    Some(Duration::from_secs_f64(figure.parse::<f64>().ok()? / 1000.0))
}
