//! Progress bars, on a standard error that is a terminal; elsewhere nothing is shown.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of keys; `total` may turn out to be wrong, since others write meanwhile.
pub(super) fn of_keys(total: u64) -> ProgressBar {
    bar(Some(total), "{bar:30} {pos}/{len} keys, {per_sec}, {eta} left")
}

/// A bar of bytes, or how many there were so far where nobody knows the total.
pub(super) fn of_bytes(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    bar(total, template)
}

fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is sound");
    // Standard error, hidden where that is no terminal.
    ProgressBar::new(total.unwrap_or(0)).with_style(style)
}
