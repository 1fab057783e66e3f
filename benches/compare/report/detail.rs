//! All figures of each row: absolute ones, and beside them the ratios to the first server.

use std::fmt::Write;
use std::time::Duration;

use super::Report;
use crate::ratio::{Spread, short};
use crate::sample::{Cost, Sample};
use crate::turn::{Measured, Samples};

impl Report {
    pub(super) fn details(&self) -> String {
        let mut text = "## All figures\n\nThe median over the rounds, then its ratio to the first \
            server in the row, with the least and the greatest. Latency is that of a whole \
            pipeline. CPU is for each request, in microseconds: of the server, and of it and its \
            Valkey together. Memory is resident, afterwards, in MiB.\n\n"
            .to_owned();
        for section in &self.sections {
            let _ = writeln!(text, "### {}\n", section.title);
            for measured in &section.rows {
                text.push_str(&row(measured));
                text.push('\n');
            }
        }
        text
    }
}

/// A column: its head, and the figure of a sample, where there is one.
type Column = (&'static str, fn(&Sample) -> Option<f64>);

const COLUMNS: [Column; 7] = [
    ("requests/s", |sample| Some(sample.rate())),
    ("p50, µs", |sample| Some(micros(sample.latency.p50))),
    ("p99, µs", |sample| sample.latency.p99.map(micros)),
    ("p99.9, µs", |sample| sample.latency.p99_9.map(micros)),
    ("CPU, µs", |sample| each(sample, |cost| cost.server)),
    ("with Valkey's, µs", |sample| each(sample, |cost| cost.together)),
    ("memory, MiB", |sample| Some(sample.cost?.resident as f64 / 1_048_576.0)),
];

/// The table of one row, a line for each server.
pub(super) fn row(row: &Measured) -> String {
    let heads = COLUMNS.map(|(head, _)| head).join(" | ");
    let mut text = format!("| {} | {heads} |\n|---|", row.title);
    text.push_str(&"---|".repeat(COLUMNS.len()));
    text.push('\n');
    for server in &row.servers {
        let cells = COLUMNS.map(|(_, figure)| cell(figure, server, &row.servers[0]));
        let _ = writeln!(text, "| {} | {} |", server.name, cells.join(" | "));
    }
    text
}

fn cell(figure: fn(&Sample) -> Option<f64>, server: &Samples, first: &Samples) -> String {
    let Some(own) = Spread::of(server.samples.iter().filter_map(figure)) else {
        return "–".to_owned();
    };
    if server.name == first.name {
        return short(own.median);
    }
    let pairs = server.samples.iter().zip(&first.samples);
    let ratios = pairs.filter_map(|(own, first)| Some(figure(own)? / figure(first)?));
    let ratio = Spread::of(ratios).map_or(String::new(), |ratio| format!(", × {ratio}"));
    format!("{}{ratio}", short(own.median))
}

fn each(sample: &Sample, time: fn(Cost) -> Duration) -> Option<f64> {
    Some(micros(time(sample.cost?)) / sample.requests as f64)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
