//! The filter of the log: `KVSOCK_LOG`.

use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};

/// The target of all events of this crate.
const OURS: &str = "kvsock";

/// A comma-separated list of levels and of `target=level`.
///
/// A level alone applies to kvsock. It lets warnings and errors of kvsock's dependencies through; a
/// directive that names a dependency adds its `info`. Nothing adds more, since client and TLS
/// libraries may write values and passwords at `debug`.
#[derive(Debug, Clone)]
pub struct Filter(Targets);

/// The text that is no [`Filter`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a level (off, error, warn, info, debug, trace) or target=level")]
pub struct FilterError(String);

impl Filter {
    /// The filter in `tracing`'s form.
    pub(super) fn targets(self) -> Targets {
        self.0
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        let mut targets = Targets::new().with_default(LevelFilter::WARN);
        let (named, alone): (Vec<&str>, Vec<&str>) =
            text.split(',').map(str::trim).partition(|part| part.contains('='));
        // Directives with a target are more specific, so that they come later, in any order of the
        // text.
        for part in alone {
            let level = level(part).ok_or_else(|| FilterError(part.to_owned()))?;
            targets = targets.with_default(level.min(LevelFilter::WARN)).with_target(OURS, level);
        }
        for part in named {
            let (target, level) = directive(part).ok_or_else(|| FilterError(part.to_owned()))?;
            let most = if is_ours(target) { level } else { level.min(LevelFilter::INFO) };
            targets = targets.with_target(target, most);
        }
        Ok(Filter(targets))
    }
}

fn directive(part: &str) -> Option<(&str, LevelFilter)> {
    let (target, name) = part.split_once('=')?;
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    (!target.is_empty() && target.bytes().all(is_path)).then_some((target, level(name)?))
}

fn is_ours(target: &str) -> bool {
    target == OURS || target.starts_with("kvsock::")
}

/// A level by its name. `tracing` also takes numbers, which mean nothing to a reader.
fn level(name: &str) -> Option<LevelFilter> {
    Some(match name.to_ascii_lowercase().as_str() {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn allows(filter: &str, target: &str, level: Level) -> bool {
        filter.parse::<Filter>().expect(filter).targets().would_enable(target, &level)
    }

    #[test]
    fn a_level_is_ours_and_dependencies_only_warn() {
        assert!(allows("info", "kvsock::daemon", Level::INFO));
        assert!(!allows("info", "kvsock::daemon", Level::DEBUG));
        assert!(allows("info", "redis::aio", Level::WARN));
        assert!(!allows("info", "redis::aio", Level::INFO));
        assert!(!allows("error", "redis::aio", Level::WARN));
        assert!(!allows("off", "redis::aio", Level::ERROR));
    }

    #[test]
    fn no_filter_lets_the_debugging_of_dependencies_through() {
        for filter in ["trace", "redis=trace", "r=trace", "trace,redis::aio=debug", "kv=trace"] {
            assert!(!allows(filter, "redis::aio", Level::DEBUG), "{filter}");
        }
        assert!(allows("info,redis=trace", "redis::aio", Level::INFO));
        assert!(allows("trace", "kvsock::store", Level::TRACE));
        assert!(allows("info,kvsock::store=debug", "kvsock::store", Level::DEBUG));
        assert!(!allows("info,kvsock::store=debug", "kvsock::server", Level::DEBUG));
        assert!(allows("kvsock=debug,warn", "kvsock::server", Level::DEBUG));
    }

    #[test]
    fn what_is_not_a_filter_is_refused() {
        for text in ["", "inof", "info,", "kvsock=", "=info", "kvsock=verbose", "5", "[span]=info"]
        {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
    }
}
