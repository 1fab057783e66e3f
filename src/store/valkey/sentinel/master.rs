//! The current master as the sentinels name it, and the connections to it.

use std::borrow::Cow;
use std::sync::Weak;

use super::peer::Answer;
use crate::store::valkey::wire::connection::Connection;

/// The cause of the end for connections to a former master.
const REPLACED: Cow<'static, str> = Cow::Borrowed("the sentinels name another master");

/// The current master.
#[derive(Debug, Default)]
pub(super) struct Master {
    answer: Option<Answer>,
    /// The connections to the current master that may still be open.
    connections: Vec<Weak<Connection>>,
}

impl Master {
    /// The epoch of the newest answer; 0 if there is none.
    pub(super) fn epoch(&self) -> u64 {
        self.answer.as_ref().map_or(0, |answer| answer.epoch)
    }

    /// Accepts an answer unless its epoch is older. True if the answer names another master; all
    /// connections to the old one then end.
    pub(super) fn learn(&mut self, answer: Answer) -> bool {
        let is_news = answer.epoch >= self.epoch() && self.is_elsewhere(&answer);
        if is_news {
            self.set(answer);
        }
        is_news
    }

    /// Accepts an answer without a look at its epoch. If it names another master, all connections
    /// to the old one end.
    pub(super) fn set(&mut self, answer: Answer) {
        if self.is_elsewhere(&answer) {
            for connection in self.connections.drain(..).filter_map(|it| it.upgrade()) {
                connection.end(REPLACED);
            }
        }
        self.answer = Some(answer);
    }

    /// Adds a connection to the current master.
    pub(super) fn add(&mut self, connection: Weak<Connection>) {
        self.connections.retain(|connection| connection.strong_count() > 0);
        self.connections.push(connection);
    }

    /// Takes all connections to the current master out of use.
    pub(super) fn retire(&self, cause: &'static str) {
        for connection in self.connections.iter().filter_map(Weak::upgrade) {
            connection.retire(cause.into());
        }
    }

    fn is_elsewhere(&self, answer: &Answer) -> bool {
        let is_same = |it: &Answer| (&it.host, it.port) == (&answer.host, answer.port);
        !self.answer.as_ref().is_some_and(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinel_that_is_behind_is_not_believed() {
        let answer = |epoch, port| Answer { epoch, host: "h".to_owned(), port };
        let mut master = Master::default();
        assert!(master.learn(answer(2, 1)));
        assert!(!master.learn(answer(2, 1)), "nothing new");
        assert!(!master.learn(answer(1, 2)), "it was there once");
        assert!(!master.learn(answer(1, 1)));
        assert!(master.learn(answer(2, 3)), "set up anew");
        assert!(master.learn(answer(3, 1)));
        assert_eq!(master.epoch(), 3);
        // Whoever asked all of them knows best.
        master.set(answer(0, 4));
        assert_eq!(master.epoch(), 0);
    }
}
