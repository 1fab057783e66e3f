//! A look as one line, for files and pipes.

use std::time::{Duration, SystemTime};

use super::figures::{Figures, Look};

/// The line of a look; none for the first look after the daemon came up, which has no rates.
pub(super) fn line(look: &Look) -> Option<String> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now());
    match look {
        Ok(figures) => Some(format!("{time} {}", fields(figures)?)),
        Err(error) => Some(format!("{time} error=\"{error}\"")),
    }
}

fn fields(figures: &Figures) -> Option<String> {
    let status = &figures.status;
    let store_ping = figures.store_ping.map_or("-".to_owned(), milliseconds);
    let hit_rate = figures.hit_rate.map_or("-".to_owned(), percent);
    let keys = status.db_size.map_or("-".to_owned(), |size| size.to_string());
    Some(format!(
        "requests/s={:.1} errors/s={:.1} clients={} ping={} store_ping={store_ping} \
         hit_rate={hit_rate} keys={keys} store={} uptime={}",
        figures.requests?,
        figures.errors?,
        status.clients,
        milliseconds(figures.ping),
        if status.store.up { "up" } else { "down" },
        uptime(status.uptime_seconds).replace(' ', ""),
    ))
}

/// A short time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.2}ms", time.as_secs_f64() * 1000.0)
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// A long time, in its two largest units.
pub(super) fn uptime(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let text = humantime::format_duration(Duration::from_secs(whole)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(uptime(0.4), "0s");
        assert_eq!(uptime(3.0 * 86400.0 + 4.0 * 3600.0 + 62.5), "3days 4h");
        assert_eq!(milliseconds(Duration::from_micros(1234)), "1.23ms");
    }
}
