//! What is compared: a file for each kind of question, which starts the servers that it needs.

mod activation;
mod cell;
mod distant;
mod durable;
mod idle;
mod one_shot;
mod throughput;

use crate::options::Options;
use crate::report::Report;

/// The size of the near cache where there is one, which takes in all that is asked for.
const CACHE: (&str, &str) = ("CACHE", "128MiB");

/// Measures everything that the options ask for.
pub(crate) fn run_all(options: &Options, report: &mut Report) {
    throughput::run(options, report);
    durable::run(options, report);
    distant::run(options, report);
    one_shot::run(options, report);
    activation::run(options, report);
    idle::run(options, report);
}
