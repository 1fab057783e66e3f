//! Servers take turns, A B C, B C A, ..., so that what drifts meets all of them alike.

use crate::interrupt;
use crate::options::Options;
use crate::sample::Sample;

/// How one server is measured, with so many requests.
type Measure<'a> = Box<dyn FnMut(u64) -> Sample + 'a>;

/// A line of the table before it is measured.
pub(crate) struct Row<'a> {
    pub(crate) title: String,
    /// Fewer requests than this say nothing.
    pub(crate) least: u64,
    /// The first is what the others are compared with.
    pub(crate) contestants: Vec<(&'static str, Measure<'a>)>,
}

/// A line of the table, measured.
pub(crate) struct Measured {
    pub(crate) title: String,
    pub(crate) servers: Vec<Samples>,
}

/// What one server gave, a sample for each round.
pub(crate) struct Samples {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Sample>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(title: &str, least: u64) -> Row<'a> {
        Row { title: title.to_owned(), least, contestants: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &'static str, measure: impl FnMut(u64) -> Sample + 'a) {
        self.contestants.push((name, Box::new(measure)));
    }

    /// Measures it, in turns.
    pub(crate) fn run(mut self, options: &Options) -> Measured {
        eprintln!("{}", self.title);
        let counts: Vec<u64> = (0..self.contestants.len())
            .map(|number| {
                let first = self.sample(number, self.least);
                if options.short {
                    return self.least;
                }
                let fitting = first.rate() * options.time.as_secs_f64();
                (fitting as u64).max(self.least).next_multiple_of(self.least)
            })
            .collect();
        let name = |(name, _): &(&'static str, _)| Samples { name, samples: Vec::new() };
        let mut servers: Vec<Samples> = self.contestants.iter().map(name).collect();
        for round in 0..options.rounds() {
            for turn in 0..servers.len() {
                let number = (round + turn) % servers.len();
                servers[number].samples.push(self.sample(number, counts[number]));
            }
        }
        Measured { title: self.title, servers }
    }

    fn sample(&mut self, number: usize, requests: u64) -> Sample {
        interrupt::check();
        let (name, measure) = &mut self.contestants[number];
        let sample = measure(requests);
        sample.check(&self.title, name, requests);
        sample
    }
}
