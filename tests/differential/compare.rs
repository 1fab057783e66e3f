//! Compares the replies of two servers to one command, and to each command of a transaction.

use crate::free::agree;
use crate::generate::is;
use crate::known::reason;
use crate::report::Exchange;
use crate::server::Engine;
use crate::support::wire::frame::{elements, integer};
use crate::word::Words;

/// What came of a comparison.
#[derive(Debug)]
pub(crate) enum Verdict {
    Agree,
    /// The exchange that differs: the one compared, or one within its transaction.
    Differ(Exchange),
}

/// Compares them; `queued` is what an EXEC carries out.
pub(crate) fn compare(engine: Engine, exchange: &Exchange, queued: &[Words]) -> Verdict {
    let Exchange { command, reference, subject } = exchange;
    if reference == subject && !no_reply(reference) {
        return Verdict::Agree;
    }
    if is(command, "EXEC")
        && let (Some(first), Some(second)) = (elements(reference), elements(subject))
        && [first.len(), second.len()] == [queued.len(); 2]
    {
        let pairs = queued.iter().zip(first.into_iter().zip(second));
        let differing = pairs.map(|(command, (reference, subject))| Exchange {
            command: command.clone(),
            reference: reference.to_vec(),
            subject: subject.to_vec(),
        });
        let differing = differing.into_iter().find(|exchange| !accepted_within(engine, exchange));
        return differing.map_or(Verdict::Agree, Verdict::Differ);
    }
    if accepted(engine, exchange) { Verdict::Agree } else { Verdict::Differ(exchange.clone()) }
}

/// Whether it is what `Connection` says in place of a reply.
fn no_reply(reply: &[u8]) -> bool {
    reply.starts_with(b"(")
}

/// The same of a command within a transaction.
fn accepted_within(engine: Engine, exchange: &Exchange) -> bool {
    let Exchange { command, reference, subject } = exchange;
    // Valkey counts keys whose time has come until it comes across them; `Step::Size` looks closer.
    let are_counts = || [reference, subject].map(|reply| integer(reply).is_some()) == [true; 2];
    accepted(engine, exchange) || is(command, "DBSIZE") && command.len() == 1 && are_counts()
}

fn accepted(engine: Engine, exchange: &Exchange) -> bool {
    let Exchange { command, reference, subject } = exchange;
    if no_reply(reference) || no_reply(subject) {
        return false;
    }
    agree(command, reference, subject) || reason(engine, command, reference, subject).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(reference: &str, subject: &str) -> Verdict {
        let words = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let [reference, subject] = [reference, subject].map(|reply| reply.as_bytes().to_vec());
        let exchange = Exchange { command: words("EXEC"), reference, subject };
        compare(Engine::Plain, &exchange, &[words("PTTL k"), words("GET k")])
    }

    #[test]
    fn each_command_of_a_transaction_is_as_free_as_it_is_alone() {
        let verdict = exec("*2\r\n:5000\r\n$1\r\na\r\n", "*2\r\n:5001\r\n$1\r\na\r\n");
        assert!(matches!(verdict, Verdict::Agree), "{verdict:?}");
        let verdict = exec("*2\r\n:5000\r\n$1\r\na\r\n", "*2\r\n:5001\r\n$1\r\nb\r\n");
        assert!(matches!(&verdict, Verdict::Differ(at) if is(&at.command, "GET")), "{verdict:?}");
        let verdict = exec("*2\r\n:5000\r\n$1\r\na\r\n", "*1\r\n:5000\r\n");
        assert!(matches!(&verdict, Verdict::Differ(at) if is(&at.command, "EXEC")), "{verdict:?}");
    }

    #[test]
    fn two_servers_that_both_hang_do_not_agree() {
        let verdict = exec("(no reply: x)", "(no reply: x)");
        assert!(matches!(verdict, Verdict::Differ(_)), "{verdict:?}");
    }
}
