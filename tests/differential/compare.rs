//! Compares the replies of two servers to one command, and to each command of a transaction.

use crate::frame::elements;
use crate::free::agree;
use crate::generate::is;
use crate::known::reason;
use crate::report::Exchange;
use crate::server::Engine;
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
        let differing = differing.into_iter().find(|exchange| !accepted(engine, exchange));
        return differing.map_or(Verdict::Agree, Verdict::Differ);
    }
    if accepted(engine, exchange) { Verdict::Agree } else { Verdict::Differ(exchange.clone()) }
}

/// Whether it is what `Connection` says in place of a reply.
fn no_reply(reply: &[u8]) -> bool {
    reply.starts_with(b"(")
}

fn accepted(engine: Engine, exchange: &Exchange) -> bool {
    let Exchange { command, reference, subject } = exchange;
    if no_reply(reference) || no_reply(subject) {
        return false;
    }
    agree(command, reference, subject) || reason(engine, command, reference, subject).is_some()
}
