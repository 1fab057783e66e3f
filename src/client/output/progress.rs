//! Progress bars, shown only if standard error is a terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressFinish, ProgressState, ProgressStyle};

/// A bar of keys; `total` may be inexact, since other clients write meanwhile.
pub(crate) fn of_keys(total: u64) -> ProgressBar {
    bar(total, "{bar:30} {pos}/{len} keys, {rate}, {eta} left")
}

/// A bar of bytes.
pub(crate) fn of_bytes(total: u64) -> ProgressBar {
    bar(total, "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left")
}

fn bar(total: u64, template: &str) -> ProgressBar {
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        // A failure to draw the bar does not stop the work.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    let style = ProgressStyle::with_template(template).expect("the template is sound");
    // Drawn on standard error if that is a terminal; removed when dropped.
    let bar = ProgressBar::new(total).with_style(style.with_key("rate", rate));
    bar.with_finish(ProgressFinish::AndClear)
}
