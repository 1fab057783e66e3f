//! Writes that are on the disk before they are acknowledged.

use super::cell::{add_resp, cells, row, title};
use crate::load::dialect::Verb;
use crate::options::Options;
use crate::report::Report;
use crate::server::{EMBEDDED, kvsock, valkey};
use crate::support::valkey::Setup;

pub(super) fn run(options: &Options, report: &mut Report) {
    let works = cells(Verb::Set, 64, if options.short { &[1] } else { &[1, 16] }, &[1, 50]);
    let titled = works.into_iter().map(|work| (title(work, "durable"), work));
    let rows: Vec<_> = titled.filter(|(title, _)| options.wants(title)).collect();
    if rows.is_empty() {
        return;
    }
    report.section("Durable writes: Valkey with appendfsync always, by valkey-benchmark");
    let valkey = valkey(Setup { durable: true, ..Setup::default() });
    let embedded = kvsock(EMBEDDED, &options.programs, &[], None);
    for (title, work) in rows {
        let mut row = row(options, &title, work);
        add_resp(&mut row, &valkey, work);
        add_resp(&mut row, &embedded, work);
        report.add(row.run(options));
    }
}
