//! The master master as it is known, and the connections to it.

use std::borrow::Cow;
use std::sync::Weak;

use super::peer::Answer;
use crate::store::valkey::wire::connection::Connection;

/// What a connection ends for that is to a master of the past.
const REPLACED: Cow<'static, str> = Cow::Borrowed("the sentinels name another master");

/// The master master.
#[derive(Debug, Default)]
pub(super) struct Master {
    answer: Option<Answer>,
    /// To it, if they still are.
    connections: Vec<Weak<Connection>>,
}

impl Master {
    /// Of the newest answer; 0 where there is none.
    pub(super) fn epoch(&self) -> u64 {
        self.answer.as_ref().map_or(0, |answer| answer.epoch)
    }

    /// Takes what a sentinel says unless it is behind, and tells whether it is another master than
    /// before. Then all connections end.
    pub(super) fn learn(&mut self, answer: Answer) -> bool {
        let is_news = answer.epoch >= self.epoch() && self.is_elsewhere(&answer);
        if is_news {
            self.set(answer);
        }
        is_news
    }

    /// The master is there. If it was elsewhere, all connections end.
    pub(super) fn set(&mut self, answer: Answer) {
        if self.is_elsewhere(&answer) {
            for connection in self.connections.drain(..).filter_map(|it| it.upgrade()) {
                connection.end(REPLACED);
            }
        }
        self.answer = Some(answer);
    }

    /// A connection was made to it.
    pub(super) fn add(&mut self, connection: Weak<Connection>) {
        self.connections.retain(|connection| connection.strong_count() > 0);
        self.connections.push(connection);
    }

    /// Has nothing more asked of it.
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
