//! The ratio of two servers' figures: of each round's pair, since both saw the same machine.

use std::fmt;

/// The median over the rounds, with the least and the greatest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// Of these figures; `None` of none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_unstable_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median = match figures.len() {
            0 => return None,
            count if count % 2 == 0 => f64::midpoint(figures[middle - 1], figures[middle]),
            _ => figures[middle],
        };
        Some(Spread { median, least: figures[0], greatest: figures[figures.len() - 1] })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { median, least, greatest } = *self;
        write!(f, "{} ({}–{})", short(median), short(least), short(greatest))
    }
}

/// With about three digits.
pub(crate) fn short(figure: f64) -> String {
    match figure {
        f if f >= 1000.0 => grouped(f),
        f if f >= 100.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f if f >= 0.1 => format!("{f:.2}"),
        f => format!("{f:.3}"),
    }
}

/// To three digits, and with commas: 123,000.
fn grouped(figure: f64) -> String {
    let unit = 10_f64.powi(figure.log10().floor() as i32 - 2);
    let digits = format!("{:.0}", (figure / unit).round() * unit);
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
