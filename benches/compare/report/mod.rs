//! What was measured, and the files that tell it: `table.md`, `plot.svg` and `samples.csv`.

mod detail;
mod plot;
mod samples;
mod summary;

use std::fmt::Write;
use std::fs;

use crate::host;
use crate::options::Options;
use crate::ratio::Spread;
use crate::turn::Measured;

/// Everything so far.
pub(crate) struct Report {
    host: String,
    /// Of the machine before the run.
    load: f64,
    run: String,
    notes: Vec<String>,
    sections: Vec<Section>,
    idle: Option<Idle>,
}

/// Rows with the same servers.
struct Section {
    title: String,
    rows: Vec<Measured>,
}

/// What idle clients take: bytes for each.
pub(crate) struct Idle {
    pub(crate) clients: usize,
    pub(crate) servers: Vec<(&'static str, Spread)>,
}

impl Report {
    pub(crate) fn begin(options: &Options) -> Report {
        let run = if options.short {
            "The short form: it shows that the harness works; no figure in it means anything."
                .to_owned()
        } else {
            let time = humantime::format_duration(options.time);
            format!("{} rounds, in which the servers take turns of {time}.", options.rounds())
        };
        Report {
            host: host::describe(&options.programs),
            load: host::load(),
            run,
            notes: Vec::new(),
            sections: Vec::new(),
            idle: None,
        }
    }

    /// What is added from now on belongs there.
    pub(crate) fn section(&mut self, title: &str) {
        if self.sections.last().is_some_and(|section| section.title == title) {
            return;
        }
        self.sections.push(Section { title: title.to_owned(), rows: Vec::new() });
    }

    pub(crate) fn add(&mut self, row: Measured) {
        eprint!("{}", detail::row(&row));
        self.sections.last_mut().expect("a section has begun").rows.push(row);
    }

    pub(crate) fn idle(&mut self, idle: Idle) {
        self.idle = Some(idle);
    }

    /// Something that the reader has to know, told once.
    pub(crate) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            eprintln!("{note}");
            self.notes.push(note.to_owned());
        }
    }

    /// Says so where a server could not be had.
    pub(crate) fn unless_missing<T>(&mut self, name: &str, server: Option<T>) -> Option<T> {
        if server.is_none() {
            self.note(&format!("Not installed here, and so not measured: {name}."));
        }
        server
    }

    /// Writes the files, and prints the table.
    pub(crate) fn write(&mut self, options: &Options) {
        self.sections.retain(|section| !section.rows.is_empty());
        assert!(!self.sections.is_empty() || self.idle.is_some(), "no row of that title");
        let table = self.table();
        let files =
            [("table.md", &table), ("plot.svg", &self.plot()), ("samples.csv", &self.samples())];
        fs::create_dir_all(&options.output).expect("the directory for the output");
        for (name, content) in files {
            fs::write(options.output.join(name), content).expect("the output can be written");
        }
        println!("{table}");
        let directory = options.output.display();
        println!("This table, its plot and each sample are in {directory}/.");
    }

    fn table(&self) -> String {
        let mut table = format!("{}.\n\n{}", self.host, self.run);
        if self.load > 0.5 {
            let load = self.load;
            let _ = write!(
                table,
                " The load average was {load:.1} at the start: other work ran, figures are rough."
            );
        }
        for note in &self.notes {
            let _ = write!(table, " {note}");
        }
        table.push_str("\n\n");
        table.push_str(&self.summary());
        table.push_str(&self.details());
        table
    }
}
