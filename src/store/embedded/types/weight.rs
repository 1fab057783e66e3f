//! The work that operations and transactions take, told from their verbs and arguments alone: which
//! thread carries them out.

use std::time::Duration;

use bytes::Bytes;

use crate::store::operation::{Effect, Operation, Verb};

/// Keys that are looked at on the serving thread; for more of them, reading goes to another.
pub(crate) const MAX_IN_PLACE: usize = 64;
/// How long the writer may work on one piece while others wait.
pub(crate) const PIECE: Duration = Duration::from_millis(20);
/// Keys, about, up to which a transaction is carried out by the writer, or read, at once.
const MAX_AT_ONCE: usize = 4_096;
/// Bytes of arguments likewise.
const MAX_BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// Keys that `FLUSHDB` removes within a transaction one by one, at most: all are one commit.
pub(crate) const MAX_CLEARED: usize = 4_096;

/// How much work an operation that reads is, in keys that are looked at, about.
pub(crate) fn weight(operation: &Operation) -> usize {
    match operation.verb {
        // They look at everything, or take long.
        // However few keys SCAN gives, it may have to pass many that were removed.
        Verb::Keys | Verb::Last | Verb::Size | Verb::RandomKey | Verb::Lcs | Verb::Scan => {
            usize::MAX
        }
        _ => operation.keys().count().max(1),
    }
}

/// Whether only the writer can carry it out.
pub(crate) fn is_for_writer(verb: Verb) -> bool {
    verb.effect() != Effect::Read || matches!(verb, Verb::Save | Verb::BgSave)
}

/// Whether an operation looks at a whole key space.
pub(crate) fn is_whole(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Size | Verb::Keys | Verb::RandomKey | Verb::Scan | Verb::Last | Verb::Clear
    )
}

/// Whether a transaction looks at a whole key space.
pub(crate) fn looks_at_all(batch: &[Operation]) -> bool {
    batch.iter().any(|it| is_whole(it.verb))
}

/// Whether a transaction may take longer than [`PIECE`], as far as it tells itself.
pub(crate) fn is_dear(batch: &[Operation]) -> bool {
    let keys = batch.iter().map(weight).fold(0, usize::saturating_add);
    let bytes = batch.iter().flat_map(|it| it.args.iter().map(Bytes::len)).sum::<usize>();
    looks_at_all(batch) || keys > MAX_AT_ONCE || bytes > MAX_BYTES_AT_ONCE
}

/// What a transaction does to the data, as far as its failure depends on it.
pub(crate) fn effect(batch: &[Operation]) -> Effect {
    let only_reads = batch.iter().all(|it| it.verb.effect() == Effect::Read);
    if only_reads { Effect::Read } else { Effect::Write }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It may have to pass any number of removed keys, which cannot be seen beforehand.
    #[test]
    fn what_iterates_never_runs_on_the_serving_thread() {
        for verb in [Verb::Scan, Verb::Keys, Verb::Size, Verb::RandomKey, Verb::Last, Verb::Lcs] {
            let operation = Operation { verb, args: vec![Bytes::from_static(b"0")].into() };
            assert!(weight(&operation) > MAX_IN_PLACE, "{verb:?}");
        }
    }
}
