//! Estimates of the work of operations and transactions, from their rows and arguments alone. They
//! decide which thread carries out the work. This file imports no other part of the engine.

use std::time::Duration;

use bytes::Bytes;

use crate::command::table::spec::{Cost, Effect, Own};
use crate::store::operation::Operation;

/// The most keys that are looked up on the serving thread. A read of more keys goes to another
/// thread.
pub(crate) const MAX_IN_PLACE: usize = 64;
/// The time that the writer may spend on one piece of work while others wait.
pub(crate) const PIECE: Duration = Duration::from_millis(20);
/// About the most keys of a transaction that the writer or the serving thread carries out at once.
const MAX_AT_ONCE: usize = 4_096;
/// The most bytes of arguments of such a transaction.
const MAX_BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// The most keys that `FLUSHDB` removes one by one within a transaction: they are part of one
/// commit.
pub(crate) const MAX_CLEARED: usize = 4_096;

/// About the number of keys that an operation looks at, if it reads.
pub(crate) fn weight(operation: &Operation) -> usize {
    // These look at all keys, or take long. SCAN returns few keys, but it may have to pass many
    // removed ones.
    if is_whole(operation) || operation.spec().cost == Cost::Product {
        return usize::MAX;
    }
    operation.keys().count().max(1)
}

/// Whether only the writer can carry out the operation.
pub(crate) fn is_for_writer(operation: &Operation) -> bool {
    operation.is_write() || matches!(operation.own(), Own::Save | Own::BgSave)
}

/// Whether an operation looks at a whole key space.
pub(crate) fn is_whole(operation: &Operation) -> bool {
    matches!(
        operation.own(),
        Own::Size | Own::Keys | Own::RandomKey | Own::Scan | Own::Last | Own::Clear
    )
}

/// Whether a transaction looks at a whole key space.
pub(crate) fn looks_at_all(batch: &[Operation]) -> bool {
    batch.iter().any(is_whole)
}

/// Whether a transaction may take longer than [`PIECE`], as far as its operations show.
pub(crate) fn is_dear(batch: &[Operation]) -> bool {
    let keys = batch.iter().map(weight).fold(0, usize::saturating_add);
    let bytes = batch.iter().flat_map(|it| it.args.iter().map(Bytes::len)).sum::<usize>();
    looks_at_all(batch) || keys > MAX_AT_ONCE || bytes > MAX_BYTES_AT_ONCE
}

/// The effect of a transaction: it decides which reply a failure gets.
pub(crate) fn effect(batch: &[Operation]) -> Effect {
    if batch.iter().any(Operation::is_write) { Effect::Write } else { Effect::Read }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SCAN may have to pass any number of removed keys. That cannot be seen beforehand.
    #[test]
    fn what_iterates_never_runs_on_the_serving_thread() {
        for name in ["SCAN", "KEYS", "DBSIZE", "RANDOMKEY", "LAST", "LCS"] {
            let args = vec![Bytes::from_static(b"0")].into();
            let operation = Operation::named(name, args).expect("a command");
            assert!(weight(&operation) > MAX_IN_PLACE, "{name}");
        }
    }
}
