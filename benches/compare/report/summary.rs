//! The first table of each section: how fast each server is, as a ratio.

use std::fmt::Write;

use super::{Idle, Report, Section};
use crate::ratio::{Spread, short};
use crate::turn::{Measured, Samples};

impl Report {
    pub(super) fn summary(&self) -> String {
        let mut text = "Speed as a ratio to that of the first server in the row, which has its \
            requests a second in parentheses: the median over the rounds, with the least and the \
            greatest. More is better.\n\n"
            .to_owned();
        for section in &self.sections {
            text.push_str(&section.summary());
        }
        text.push_str(&self.idle.as_ref().map_or(String::new(), Idle::table));
        text
    }
}

impl Section {
    fn summary(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for server in self.rows.iter().flat_map(|row| &row.servers) {
            if !names.contains(&server.name) {
                names.push(server.name);
            }
        }
        let mut text = format!("### {}\n\n| | {} |\n|---|", self.title, names.join(" | "));
        text.push_str(&"---|".repeat(names.len()));
        text.push('\n');
        for row in &self.rows {
            let cell = |name: &&str| {
                let server = row.servers.iter().find(|server| server.name == *name);
                server.map_or(String::new(), |server| row.speed_text(server))
            };
            let cells: Vec<String> = names.iter().map(cell).collect();
            let _ = writeln!(text, "| {} | {} |", row.title, cells.join(" | "));
        }
        text + "\n"
    }
}

impl Measured {
    /// How fast a server is, to the first of the row.
    pub(super) fn speed(&self, server: &Samples) -> Spread {
        let pairs = server.samples.iter().zip(&self.servers[0].samples);
        Spread::of(pairs.map(|(own, first)| own.rate() / first.rate())).expect("there was a round")
    }

    fn speed_text(&self, server: &Samples) -> String {
        if server.name != self.servers[0].name {
            return self.speed(server).to_string();
        }
        let rates = server.samples.iter().map(crate::sample::Sample::rate);
        format!("1 ({}/s)", short(Spread::of(rates).expect("there was a round").median))
    }
}

impl Idle {
    fn table(&self) -> String {
        let mut text = format!(
            "### {} idle clients\n\n| | resident memory for each, in KiB |\n|---|---|\n",
            self.clients
        );
        for (name, each) in &self.servers {
            let [median, least, greatest] =
                [each.median, each.least, each.greatest].map(|bytes| bytes / 1024.0);
            let kib = Spread { median, least, greatest };
            let _ = writeln!(text, "| {name} | {kib} |");
        }
        text + "\n"
    }
}
