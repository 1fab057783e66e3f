//! Counts what a run has met, so that its report shows what was compared.

use std::fmt;

use crate::generate::is;
use crate::report::Exchange;
use crate::support::wire::frame::elements;
use crate::word::Words;

/// Commands that change the state of a connection.
const SESSION: &[&str] =
    &["AUTH", "CLIENT", "DISCARD", "EXEC", "HELLO", "MULTI", "QUIT", "RESET", "SELECT", "WATCH"];

/// Commands on all keys.
const WHOLE: &[&str] = &["DBSIZE", "FLUSHALL", "FLUSHDB", "KEYS", "RANDOMKEY", "SCAN"];

/// What was met by the reference.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Connections whose first line was HELLO.
    pub(crate) openings: usize,
    /// Commands that change a connection and were carried out.
    pub(crate) sessions: usize,
    /// Transactions that were carried out.
    pub(crate) transactions: usize,
    /// Commands on all keys that were carried out within them.
    pub(crate) whole: usize,
}

impl Tally {
    /// Counts one exchange; `queued` is what an EXEC carries out.
    pub(crate) fn count(&mut self, exchange: &Exchange, queued: &[Words]) {
        let Exchange { command, reference, .. } = exchange;
        let is_one_of = |command: &Words, names: &[&str]| names.iter().any(|it| is(command, it));
        let is_done = |reply: &[u8]| !reply.starts_with(b"-") && reply != b"+QUEUED\r\n";
        if is_one_of(command, SESSION) && is_done(reference) {
            self.sessions += 1;
        }
        if is(command, "EXEC")
            && let Some(replies) = elements(reference)
        {
            self.transactions += 1;
            let done = queued.iter().zip(replies).filter(|(_, reply)| is_done(reply));
            self.whole += done.filter(|(command, _)| is_one_of(command, WHOLE)).count();
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { openings, sessions, transactions, whole } = self;
        write!(
            f,
            "{openings} first lines of HELLO, {sessions} changes of a session, {transactions} \
             transactions with {whole} commands on all keys"
        )
    }
}
