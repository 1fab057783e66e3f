//! Each sample by itself, for other tools.

use std::fmt::Write;
use std::time::Duration;

use super::Report;

impl Report {
    /// Times are in nanoseconds; what was not measured is empty.
    pub(super) fn samples(&self) -> String {
        let mut text = "row,server,round,requests,elapsed,p50,p99,p99_9,cpu_server,cpu_together,\
            resident_bytes\n"
            .to_owned();
        let nanos = |time: Option<Duration>| time.map(|time| time.as_nanos().to_string());
        for row in self.sections.iter().flat_map(|section| &section.rows) {
            for server in &row.servers {
                for (round, sample) in server.samples.iter().enumerate() {
                    let _ = write!(text, "\"{}\",\"{}\",{round}", row.title, server.name);
                    let (latency, cost) = (sample.latency, sample.cost);
                    let figures = [
                        Some(sample.requests.to_string()),
                        nanos(Some(sample.elapsed)),
                        nanos(Some(latency.p50)),
                        nanos(latency.p99),
                        nanos(latency.p99_9),
                        nanos(cost.map(|cost| cost.server)),
                        nanos(cost.map(|cost| cost.together)),
                        cost.map(|cost| cost.resident.to_string()),
                    ];
                    for figure in figures {
                        let _ = write!(text, ",{}", figure.unwrap_or_default());
                    }
                    text.push('\n');
                }
            }
        }
        text
    }
}
