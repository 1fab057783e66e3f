//! The rotation: a thread beside the writer seals the memtables and begins new ones. Meanwhile the
//! database frees memtables, tables and journals that it no longer needs, which takes tens of
//! milliseconds.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use fjall::{AbstractTree, Keyspace};

use super::fault::Fault;

/// Sealed memtables. They are kept, so that they are freed where no request waits.
type Sealed = Vec<Arc<dyn Any + Send + Sync>>;

/// The rotation of some keyspaces. Dropping it waits for the rotation under way.
#[derive(Default)]
pub(crate) struct Rotation(Mutex<State>);

#[derive(Default)]
struct State {
    running: Option<JoinHandle<Result<Sealed, Fault>>>,
    /// The memtables that the last rotation sealed.
    sealed: Sealed,
    /// The failure that followed a commit, until [`Rotation::take_failure`] takes it.
    failure: Option<Fault>,
    #[cfg(test)]
    next_fails: Option<Fault>,
}

impl Rotation {
    /// Begins new memtables for all of `keyspaces`; the old ones are written out. Waits for the
    /// rotation before.
    pub(crate) fn begin(&self, keyspaces: [&Keyspace; 5]) -> Result<(), Fault> {
        self.finish()?;
        let mut state = self.state();
        #[cfg(test)]
        state.next_fails.take().map_or(Ok(()), Err)?;
        let before = std::mem::take(&mut state.sealed);
        let keyspaces = keyspaces.map(Keyspace::clone);
        let others = keyspaces.clone();
        let thread = thread::Builder::new().name("kvsock-rotate".to_owned());
        match thread.spawn(move || rotate(&others, before)) {
            Ok(thread) => state.running = Some(thread),
            // Without a thread the caller has to wait.
            Err(_) => state.sealed = rotate(&keyspaces, Sealed::new())?,
        }
        Ok(())
    }

    /// Whether a rotation is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.state().running.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits for the rotation under way, and returns its failure.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let mut state = self.state();
        if let Some(thread) = state.running.take() {
            state.sealed = thread.join().unwrap_or(Err(Fault::Panicked))?;
        }
        Ok(())
    }

    /// Keeps a failure for [`Rotation::take_failure`].
    pub(crate) fn note_failure(&self, fault: Fault) {
        self.state().failure = Some(fault);
    }

    /// The failure that was noted last.
    pub(crate) fn take_failure(&self) -> Option<Fault> {
        self.state().failure.take()
    }

    /// Makes the next rotation fail.
    #[cfg(test)]
    pub(crate) fn fail_next(&self, fault: Fault) {
        self.state().next_fails = Some(fault);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Rotation {
    fn drop(&mut self) {
        // The rotation keeps the database open, which may be opened again next.
        let _ = self.finish();
    }
}

fn rotate(keyspaces: &[Keyspace], before: Sealed) -> Result<Sealed, Fault> {
    let memtable = |keyspace: &Keyspace| keyspace.tree.active_memtable() as Arc<_>;
    let sealed = keyspaces.iter().map(memtable).collect();
    for keyspace in keyspaces {
        keyspace.rotate_memtable()?;
    }
    // The memtables are freed only here: the keyspaces have let go of them.
    drop(before);
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use fjall::PersistMode;

    use crate::store::embedded::disk::database::{Database, MEMTABLES};
    use crate::store::embedded::format::layout::State;

    #[test]
    fn writes_go_on_beside_it_and_the_database_can_be_opened_again_at_once() {
        const PART: usize = 512 * 1024;
        let directory = tempfile::tempdir().expect("a directory");
        let value =
            |round: u8, number: u32| [vec![round; PART], number.to_be_bytes().to_vec()].concat();
        let mut state = State::default();
        for round in 0..3 {
            let database = Database::open(directory.path()).expect("opened");
            for number in 0..100_u32 {
                let mut batch = database.batch(1);
                batch.insert(&database.data, number.to_be_bytes(), value(round, number));
                state.commit += 1;
                database.commit(batch, &state, PersistMode::Buffer).expect("committed");
                assert!(database.memtables() < 2 * MEMTABLES + 2 * PART as u64);
            }
            assert_eq!(database.state().expect("a state"), state);
            for number in 0..100_u32 {
                let found = database.data.get(number.to_be_bytes()).expect("readable");
                assert!(found.is_some_and(|found| *found == value(round, number)), "{number}");
            }
        }
    }
}
