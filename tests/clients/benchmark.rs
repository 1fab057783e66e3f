//! `valkey-benchmark`, which asks for settings before it starts and stops at the first error.

use crate::program::{of_valkey, run};
use crate::server::Server;

/// Every test that was asked for reports its rate, and nothing is complained of.
pub(crate) fn runs(server: &Server, options: &[&str]) {
    let Some(mut benchmark) = of_valkey("benchmark") else { return };
    benchmark.arg("-s").arg(server.socket()).args(options);
    benchmark.args(["-t", "set,get,incr,mset", "-n", "2000", "-r", "100", "-q"]);
    let output = String::from_utf8(run(&mut benchmark, b"").succeeded()).unwrap();
    assert!(!output.to_lowercase().contains("err"), "{output}");
    for test in ["SET", "GET", "INCR", "MSET (10 keys)"] {
        let reports = |line: &str| {
            let rate = line.strip_prefix(test).and_then(|line| line.strip_prefix(": "));
            rate.is_some_and(|rate| rate.contains(" requests per second"))
        };
        // Between two carriage returns it shows how far it is.
        assert!(output.split(['\r', '\n']).any(reports), "no {test} in {output}");
    }
}
