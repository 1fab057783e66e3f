//! The log of an outage: each cause once, and the first few causes only, so that a failing server does
//! not fill the log.

use std::borrow::Cow;

use crate::logging::event;

/// The most causes that are logged in one outage.
const MAX_LOGGED: usize = 4;

/// The causes that were logged since the store was last up.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    logged: Vec<Cow<'static, str>>,
}

impl Outage {
    /// Logs that the store called `name` is down, unless the cause was logged before.
    pub(crate) fn note(&mut self, name: &str, cause: Cow<'static, str>) {
        if self.logged.len() < MAX_LOGGED && !self.logged.contains(&cause) {
            tracing::warn!(
                target: event::OUTAGE_TARGET,
                message_id = event::STORE_DOWN,
                store = name,
                %cause,
                "store is down"
            );
            self.logged.push(cause);
        }
    }

    /// Whether a cause was logged.
    pub(crate) fn is_logged(&self) -> bool {
        !self.logged.is_empty()
    }

    /// Logs that the store called `name` is up. The next outage begins without logged causes.
    pub(crate) fn end(&mut self, name: &str) {
        tracing::info!(
            target: event::OUTAGE_TARGET,
            message_id = event::STORE_UP,
            store = name,
            "store is up"
        );
        self.logged.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::captured::targets;

    #[test]
    fn every_entry_has_the_target_that_the_manual_names() {
        let found = targets(|| {
            let mut outage = Outage::default();
            outage.note("a store", "gone".into());
            outage.note("a store", "gone".into());
            outage.end("a store");
        });
        assert_eq!(found, ["kvsock::store::outage"; 2]);
    }
}
